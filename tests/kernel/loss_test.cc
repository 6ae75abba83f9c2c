// Lost records are counted exactly: in a full ring, a full table, and after recursion misses.

#include <sched.h>
#include <unistd.h>

#include <deque>
#include <filesystem>
#include <numeric>
#include <optional>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "agent/kernel/programs/features.h"
#include "tests/kernel/harness.h"
#include "tests/kernel/perf_listener.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::Exit;
using agent::decode::Fork;
using agent::decode::Lost;

uint64_t LossesOf(Recorder* recorder, const std::string& where, const std::string& type) {
  uint64_t count = 0;
  for (const auto& loss : recorder->sensor()->ReadLosses()) {
    if (loss.where == where && loss.type == type) count += loss.count;
  }
  return count;
}

TEST(LossTest, FullRing_CountsEveryMissingRecord) {
  constexpr uint64_t kChildren = 200;
  Recorder recorder({.low_ring_bytes = 4096});
  ASSERT_NE(recorder.sensor(), nullptr);
  for (uint64_t i = 0; i < kChildren; ++i) Child([] { return 0; }).Wait();
  recorder.WaitForBody<Lost>("loss", [](const Event&, const Lost&) { return true; });
  // The ring has room again for the marker of Settle().
  recorder.Settle();
  // Records are lost in a full ring, or refused by the budget shortly before it is full.
  const uint64_t lost_forks =
      LossesOf(&recorder, "ring/low", "fork") + LossesOf(&recorder, "budget/low", "fork");
  const uint64_t lost_exits =
      LossesOf(&recorder, "ring/low", "exit") + LossesOf(&recorder, "budget/low", "exit");
  EXPECT_GT(lost_forks, 0u);
  // The marker's own fork and exit are recorded.
  EXPECT_EQ(recorder.All<Fork>().size() + lost_forks, kChildren + 1);
  EXPECT_EQ(recorder.All<Exit>().size() + lost_exits, kChildren + 1);

  uint64_t reported_forks = 0;
  for (const auto& [event, lost] : recorder.All<Lost>()) {
    EXPECT_EQ(lost->where.substr(lost->where.find('/')), "/low");
    if (lost->type == "fork") reported_forks += lost->count;
  }
  EXPECT_EQ(reported_forks, lost_forks);
}

UniqueFd StartConnecting(uint16_t port, int retries) {
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  setsockopt(fd.get(), IPPROTO_TCP, TCP_SYNCNT, &retries, sizeof(retries));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address));
  return fd;
}

// Whether the running kernel skips a tracepoint's program that is already running on the CPU, and
// counts that as a recursion miss.
bool CountsRecursionMisses() { return KernelIsAtLeast(6, 2); }

// The number of BPF links that this process, and so its sensor, holds.
size_t CountAttachments() {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    const std::filesystem::path target = std::filesystem::read_symlink(entry.path(), error);
    count += !error && target == "anon_inode:bpf_link";
  }
  return count;
}

// Unanswered connections end in the timer's interrupt, which can interrupt the program while it
// handles the end of a refused connection on the same CPU: the kernel skips the second run.
class RecursionMissTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    ASSERT_EQ(sched_getaffinity(0, sizeof(before_), &before_), 0);
    ASSERT_EQ(sched_setaffinity(0, sizeof(first), &first), 0);
    // A listener with a full queue drops every SYN.
    listener_ = Listen("127.0.0.1", &port_);
    ASSERT_EQ(listen(listener_.get(), 0), 0);
    queued_ = Connect("127.0.0.1", port_);
    Listen("127.0.0.1", &closed_port_);  // and closed at once
  }
  void TearDown() override { sched_setaffinity(0, sizeof(before_), &before_); }

  // Makes connections for 5 ms. Once the first unanswered ones have timed out, some time out in
  // every call.
  void Connect5Milliseconds(int at_once) {
    constexpr size_t kUnanswered = 800;
    unanswered_.push_back(StartConnecting(port_, /*retries=*/1));
    if (unanswered_.size() > kUnanswered) unanswered_.pop_front();
    const absl::Time next = absl::Now() + absl::Milliseconds(5);
    for (int i = 0; i < at_once && absl::Now() < next; ++i, ++refused_) {
      StartConnecting(closed_port_, 1);
    }
    absl::SleepFor(next - absl::Now());
  }

  // Makes connections until there is a recursion miss, which must be reported as a loss and attach
  // the fallback program.
  void ProvokeRecursionMiss(Recorder* recorder) {
    const size_t attachments = CountAttachments();
    const absl::Time until = absl::Now() + absl::Seconds(60);
    while (LossesOf(recorder, "skipped", "tcp") == 0 && absl::Now() < until) {
      Connect5Milliseconds(/*at_once=*/10'000);
    }
    ASSERT_GT(LossesOf(recorder, "skipped", "tcp"), 0u);
    EXPECT_NE(recorder->WaitForBody<Lost>("the loss",
                                          [](const Event&, const Lost& lost) {
                                            return lost.where == "skipped" && lost.type == "tcp";
                                          }),
              nullptr);
    EXPECT_GT(CountAttachments(), attachments);
  }

  uint16_t port_ = 0, closed_port_ = 0;
  uint64_t refused_ = 0;  // refused connections so far

 private:
  cpu_set_t before_;
  UniqueFd listener_, queued_;
  std::deque<UniqueFd> unanswered_;
};

TEST_P(RecursionMissTest, RecursionMiss_IsCountedAndAFallbackProgramTakesOver) {
  agent::kernel::EnsureTracefs();
  std::optional<PerfListener> other;
  if (GetParam()) other.emplace("sock/inet_sock_set_state");
  Recorder recorder({.low_ring_bytes = 64 << 20}, SensorAge::kFresh);
  ASSERT_NE(recorder.sensor(), nullptr);
  EXPECT_EQ(LossesOf(&recorder, "skipped", "tcp"), 0u);
  if (CountsRecursionMisses()) ProvokeRecursionMiss(&recorder);
  if (HasFatalFailure()) return;
  // Now either the fallback program is attached, or the kernel also runs the program that it
  // interrupted: from here on nothing is missed and nothing is emitted twice.
  recorder.Settle();
  const uint64_t misses_before = LossesOf(&recorder, "skipped", "tcp");
  const auto records = [&](agent::decode::TcpPhase phase) {
    uint64_t count = 0;
    for (const auto& [event, tcp] : recorder.All<agent::decode::Tcp>()) {
      count += tcp->phase == phase && tcp->flow.server.port == closed_port_;
    }
    return count;
  };
  const uint64_t connects = records(agent::decode::TcpPhase::kConnect);
  const uint64_t failures = records(agent::decode::TcpPhase::kFailed);
  const uint64_t refused_before = LossesOf(&recorder, "budget/low", "tcp");
  refused_ = 0;
  for (const absl::Time end = absl::Now() + absl::Seconds(Rounds(10)); absl::Now() < end;) {
    Connect5Milliseconds(/*at_once=*/50);
  }
  recorder.Settle();
  const uint64_t missed = LossesOf(&recorder, "skipped", "tcp") - misses_before;
  EXPECT_EQ(records(agent::decode::TcpPhase::kConnect) - connects, refused_);
  EXPECT_LE(refused_ - (records(agent::decode::TcpPhase::kFailed) - failures), missed);
  EXPECT_EQ(LossesOf(&recorder, "budget/low", "tcp"), refused_before);
  RecordProperty("refused", static_cast<int>(refused_));
  RecordProperty("missed", static_cast<int>(missed));
}

INSTANTIATE_TEST_SUITE_P(Listeners, RecursionMissTest, testing::Bool(), [](const auto& info) {
  return std::string(info.param ? "WithAPerfListener" : "Alone");
});

TEST(LossTest, FloodOfForks_LosesNothingInTheHighRing) {
  Recorder recorder({.low_ring_bytes = 4096, .watched_ports = {}});
  ASSERT_NE(recorder.sensor(), nullptr);
  for (int i = 0; i < 100; ++i) Child([] { return 0; }).Wait();
  TcpPair pair = ConnectedPair("127.0.0.1");
  ASSERT_TRUE(WriteAll(pair.server.get(), 1));
  EXPECT_GT(LossesOf(&recorder, "ring/low", "fork") + LossesOf(&recorder, "budget/low", "fork"),
            0u);
  EXPECT_NE(recorder.WaitForBody<agent::decode::Accept>(
                "accept", [](const Event&, const agent::decode::Accept&) { return true; }),
            nullptr);
  for (const auto& loss : recorder.sensor()->ReadLosses()) {
    EXPECT_EQ(loss.where.find("high"), std::string::npos) << loss.where;
  }
}

TEST(LossTest, ConnectionOnAWatchedPort_GoesToTheHighRing) {
  uint16_t port = 0;
  const UniqueFd listener = Listen("127.0.0.1", &port);
  Recorder recorder({.low_ring_bytes = 4096, .watched_ports = {port}});
  ASSERT_NE(recorder.sensor(), nullptr);
  for (int i = 0; i < 100; ++i) Child([] { return 0; }).Wait();
  { const UniqueFd client = Connect("127.0.0.1", port); }
  for (auto phase : {agent::decode::TcpPhase::kConnect, agent::decode::TcpPhase::kEstablished}) {
    recorder.WaitForBody<agent::decode::Tcp>(
        "the connection", [&](const Event&, const agent::decode::Tcp& tcp) {
          return tcp.phase == phase && tcp.flow.server.port == port;
        });
  }
}

TEST(LossTest, FullSocketTable_CountsLosses) {
  Recorder recorder({.max_sockets = 64});
  ASSERT_NE(recorder.sensor(), nullptr);
  std::vector<TcpPair> pairs;
  for (int i = 0; i < 64; ++i) pairs.push_back(ConnectedPair("127.0.0.1"));
  uint64_t lost = 0;
  for (const auto& loss : recorder.sensor()->ReadLosses()) {
    if (loss.where == "table/sockets") lost += loss.count;
  }
  EXPECT_GT(lost, 0u);
}

}  // namespace
}  // namespace hoptrail::kernel_test
