// A cgroup that floods a ring spends only its own budget: others still find room for their records,
// and every refused record is counted.

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "gtest/gtest.h"

#include "tests/kernel/cgroup.h"
#include "tests/kernel/harness.h"
#include <sys/socket.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::Exit;
using agent::decode::Fork;
using agent::decode::Lost;
using agent::decode::Tcp;
using agent::decode::TcpPhase;

constexpr uint64_t kMostForks = 200'000;
// Small enough that few forks fill three quarters of it; large enough for the bursts of a quiet
// cgroup.
constexpr uint32_t kRingBytes = 1 << 19;
// Small enough that the forks of a slow machine exceed it, too.
constexpr uint32_t kBudget = 1 << 10;

uint64_t LossesOf(Recorder* recorder, const std::string& where, const std::string& type = "") {
  uint64_t count = 0;
  for (const auto& loss : recorder->sensor()->ReadLosses()) {
    if (loss.where == where && (type.empty() || loss.type == type)) count += loss.count;
  }
  return count;
}

// Calls `enter` in a process, which then forks one child after the other until `enough`. Returns
// how many it forked.
uint64_t Flood(const std::function<bool()>& enter, const std::function<bool()>& enough) {
  int pipes[2];
  EXPECT_EQ(pipe(pipes), 0);
  Child forker([&] {
    uint64_t forks = 0;
    if (!enter()) return 1;
    while (forks < kMostForks && !enough()) {
      Child([] { return 0; }).Wait();
      ++forks;
    }
    return write(pipes[1], &forks, sizeof(forks)) == sizeof(forks) ? 0 : 1;
  });
  EXPECT_EQ(forker.Wait(), 0);
  close(pipes[1]);
  uint64_t forks = 0;
  EXPECT_EQ(read(pipes[0], &forks, sizeof(forks)), static_cast<ssize_t>(sizeof(forks)));
  close(pipes[0]);
  return forks;
}

uint64_t ForksIn(const Recorder& recorder, uint64_t cgroup_id) {
  uint64_t count = 0;
  for (const auto& [event, fork] : recorder.All<Fork>()) {
    if (event->header.cgroup_id == cgroup_id) ++count;
  }
  return count;
}

TEST(BudgetTest, FloodInOneCgroup_LeavesRoomForAnotherCgroup) {
  constexpr uint64_t kQuietForks = 20;
  const Cgroup noisy("noisy"), quiet("quiet");
  Recorder recorder({.low_ring_bytes = kRingBytes, .budget_bytes_per_second = kBudget},
                    SensorAge::kFresh);
  ASSERT_NE(recorder.sensor(), nullptr);
  // Nothing reads the ring meanwhile.
  const uint64_t forks = Flood([&] { return noisy.Enter(); },
                               [&] { return LossesOf(&recorder, "budget/low", "fork") >= 50; });
  EXPECT_LT(forks, kMostForks);
  EXPECT_EQ(LossesOf(&recorder, "ring/low"), 0u) << "the flood has filled the ring";
  uint64_t done = 0;
  EXPECT_EQ(Flood([&] { return quiet.Enter(); }, [&] { return done++ == kQuietForks; }),
            kQuietForks);
  EXPECT_EQ(LossesOf(&recorder, "ring/low"), 0u);

  recorder.WaitForBody<Lost>("the refusals", [](const Event&, const Lost& lost) {
    return lost.where == "budget/low" && lost.type == "fork";
  });
  recorder.Settle();
  EXPECT_EQ(ForksIn(recorder, quiet.id()), kQuietForks);
  // Every fork of the flood is either recorded or counted as refused.
  EXPECT_EQ(ForksIn(recorder, noisy.id()) + LossesOf(&recorder, "budget/low", "fork"), forks);
}

TEST(BudgetTest, OneCgroupOnAnIdleRing_LosesNothing) {
  const Cgroup noisy("alone");
  Recorder recorder({.low_ring_bytes = kRingBytes, .budget_bytes_per_second = kBudget},
                    SensorAge::kFresh);
  ASSERT_NE(recorder.sensor(), nullptr);
  uint64_t done = 0;
  // Each child's fork and exit take 304 bytes with the ring's own headers: altogether well below
  // three quarters of the ring.
  EXPECT_EQ(Flood([&] { return noisy.Enter(); }, [&] { return done++ == 500; }), 500u);
  EXPECT_EQ(LossesOf(&recorder, "budget/low"), 0u);
  recorder.Settle();
  EXPECT_EQ(ForksIn(recorder, noisy.id()), 500u);
}

// A login's records go to the high ring. A flood of them must leave room for those of hops.
TEST(BudgetTest, FloodInALogin_LeavesRoomForHops) {
  uint16_t port = 0;
  const UniqueFd listener = Listen("127.0.0.1", &port);
  const Cgroup login("login");
  Recorder recorder(
      {.high_ring_bytes = kRingBytes, .budget_bytes_per_second = kBudget, .watched_ports = {port}});
  ASSERT_NE(recorder.sensor(), nullptr);
  Flood(
      [&] {
        std::ofstream file("/proc/self/loginuid");
        file << 4242 << std::flush;
        return file.good() && login.Enter();
      },
      [&] { return LossesOf(&recorder, "budget/high", "fork") >= 50; });
  EXPECT_GE(LossesOf(&recorder, "budget/high", "fork"), 50u);

  constexpr int kHops = 20;
  for (int i = 0; i < kHops; ++i) {
    const UniqueFd client = Connect("127.0.0.1", port);
    EXPECT_TRUE(client.valid()) << strerror(errno);
    const UniqueFd server(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    EXPECT_TRUE(WriteAll(server.get(), 1));
  }
  EXPECT_EQ(LossesOf(&recorder, "ring/high"), 0u);
  EXPECT_EQ(LossesOf(&recorder, "budget/high", "tcp"), 0u);
  EXPECT_EQ(LossesOf(&recorder, "budget/high", "accept"), 0u);
  recorder.Settle();
  int established = 0, accepted = 0;
  for (const auto& [event, tcp] : recorder.All<Tcp>()) {
    if (tcp->phase == TcpPhase::kEstablished && tcp->flow.server.port == port) ++established;
  }
  for (const auto& [event, accept] : recorder.All<agent::decode::Accept>()) {
    if (accept->flow.server.port == port) ++accepted;
  }
  EXPECT_EQ(established, 2 * kHops);  // at both ends
  EXPECT_EQ(accepted, kHops);
}

}  // namespace
}  // namespace hoptrail::kernel_test
