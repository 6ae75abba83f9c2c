// connect and accept through io_uring, which no hook on system calls sees: by the calling thread,
// by io_uring's workers, and by its polling thread. What is reported is what happened, credited to
// the process whose ring it is.

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::Accept;
using agent::decode::Tcp;
using agent::decode::TcpPhase;
using agent::decode::TcpSide;

// One ring, one operation at a time. Errors are results below 0, as the kernel gives them.
class Ring {
 public:
  explicit Ring(bool polled) : polled_(polled) {
    io_uring_params parameters = {};
    if (polled) {
      parameters.flags = IORING_SETUP_SQPOLL;
      parameters.sq_thread_idle = 1000;
    }
    fd_ = UniqueFd(static_cast<int>(syscall(SYS_io_uring_setup, 8, &parameters)));
    if (!fd_.valid()) {
      error_ = errno;
      return;
    }
    auto map = [&](size_t size, uint64_t offset) {
      void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                          fd_.get(), static_cast<off_t>(offset));
      if (memory == MAP_FAILED) error_ = errno;
      return static_cast<char*>(memory);
    };
    char* const sq =
        map(parameters.sq_off.array + parameters.sq_entries * sizeof(uint32_t), IORING_OFF_SQ_RING);
    char* const cq = map(parameters.cq_off.cqes + parameters.cq_entries * sizeof(io_uring_cqe),
                         IORING_OFF_CQ_RING);
    entries_ = reinterpret_cast<io_uring_sqe*>(
        map(parameters.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES));
    if (error_ != 0) return;
    sq_tail_ = reinterpret_cast<std::atomic<uint32_t>*>(sq + parameters.sq_off.tail);
    sq_mask_ = *reinterpret_cast<uint32_t*>(sq + parameters.sq_off.ring_mask);
    sq_flags_ = reinterpret_cast<std::atomic<uint32_t>*>(sq + parameters.sq_off.flags);
    sq_array_ = reinterpret_cast<uint32_t*>(sq + parameters.sq_off.array);
    cq_head_ = reinterpret_cast<std::atomic<uint32_t>*>(cq + parameters.cq_off.head);
    cq_tail_ = reinterpret_cast<std::atomic<uint32_t>*>(cq + parameters.cq_off.tail);
    cq_mask_ = *reinterpret_cast<uint32_t*>(cq + parameters.cq_off.ring_mask);
    results_ = reinterpret_cast<io_uring_cqe*>(cq + parameters.cq_off.cqes);
  }

  int error() const { return error_; }

  // On a file that is registered: before 5.11 the polling thread takes no other.
  int Run(io_uring_sqe entry, int fd, uint8_t flags) {
    syscall(SYS_io_uring_register, fd_.get(), IORING_UNREGISTER_FILES, nullptr, 0);
    if (syscall(SYS_io_uring_register, fd_.get(), IORING_REGISTER_FILES, &fd, 1) != 0) {
      return -errno;
    }
    entry.fd = 0;
    entry.flags = static_cast<uint8_t>(flags | IOSQE_FIXED_FILE);
    const uint32_t tail = sq_tail_->load();
    entries_[tail & sq_mask_] = entry;
    sq_array_[tail & sq_mask_] = tail & sq_mask_;
    sq_tail_->store(tail + 1);
    uint32_t enter = IORING_ENTER_GETEVENTS;
    if (polled_ && (sq_flags_->load() & IORING_SQ_NEED_WAKEUP) != 0)
      enter |= IORING_ENTER_SQ_WAKEUP;
    while (cq_head_->load() == cq_tail_->load()) {
      if (syscall(SYS_io_uring_enter, fd_.get(),
                  polled_      ? 0
                  : submitted_ ? 0
                               : 1,
                  1, enter, nullptr, 0) < 0 &&
          errno != EINTR) {
        return -errno;
      }
      submitted_ = true;
    }
    submitted_ = false;
    const uint32_t head = cq_head_->load();
    const int result = results_[head & cq_mask_].res;
    cq_head_->store(head + 1);
    return result;
  }

 private:
  const bool polled_;
  UniqueFd fd_;
  int error_ = 0;
  bool submitted_ = false;
  io_uring_sqe* entries_ = nullptr;
  std::atomic<uint32_t>*sq_tail_, *sq_flags_, *cq_head_, *cq_tail_;
  uint32_t sq_mask_ = 0, cq_mask_ = 0;
  uint32_t* sq_array_ = nullptr;
  io_uring_cqe* results_ = nullptr;
};

io_uring_sqe ConnectTo(const sockaddr_in& address) {
  io_uring_sqe entry = {};
  entry.opcode = IORING_OP_CONNECT;
  entry.addr = reinterpret_cast<uint64_t>(&address);
  entry.off = sizeof(address);
  return entry;
}

io_uring_sqe AcceptOne() {
  io_uring_sqe entry = {};
  entry.opcode = IORING_OP_ACCEPT;
  entry.accept_flags = SOCK_CLOEXEC;
  return entry;
}

io_uring_sqe Send(const char* bytes, uint32_t size) {
  io_uring_sqe entry = {};
  entry.opcode = IORING_OP_SEND;
  entry.addr = reinterpret_cast<uint64_t>(bytes);
  entry.len = size;
  return entry;
}

struct Way {
  const char* name;
  bool polled;
  uint8_t flags;
};

class IoUringTest : public testing::TestWithParam<Way> {
 protected:
  // Why rings cannot be made here, or empty.
  static std::string Lacks() {
    const Ring ring(GetParam().polled);
    return ring.error() == 0 ? ""
                             : "io_uring is not to be had (kernel.io_uring_disabled?): " +
                                   std::string(strerror(ring.error()));
  }
};

constexpr int kRefused = 9;  // a child's status: the kernel does not do it this way

TEST_P(IoUringTest, ConnectIsItsOwners) {
  ASSERT_EQ(Lacks(), "");
  Recorder recorder;
  uint16_t port = 0;
  const UniqueFd listener = Listen("127.0.0.1", &port);
  Child client([&] {
    Ring ring(GetParam().polled);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (ring.Run(ConnectTo(address), fd.get(), GetParam().flags) != 0) return 1;
    if (ring.Run(Send("hello", 5), fd.get(), GetParam().flags) != 5) return 2;
    return 0;
  });
  const auto pid = static_cast<uint32_t>(client.pid());
  EXPECT_EQ(client.Wait(), 0);
  {
    const UniqueFd server(accept(listener.get(), nullptr, nullptr));
    EXPECT_TRUE(ReadAll(server.get(), 5));
  }
  for (TcpPhase phase : {TcpPhase::kConnect, TcpPhase::kEstablished, TcpPhase::kClosed}) {
    const Event* event = recorder.WaitForBody<Tcp>("connect", [&](const Event&, const Tcp& tcp) {
      return tcp.side == TcpSide::kClient && tcp.phase == phase && tcp.flow.server.port == port;
    });
    ASSERT_NE(event, nullptr);
    EXPECT_EQ(event->header.process.tgid, pid) << event->header.command;
    EXPECT_EQ(event->header.parent.tgid, static_cast<uint32_t>(getpid()));
    EXPECT_EQ(event->header.credentials.uid, 0u);
    EXPECT_EQ(event->header.namespaces.network, NetworkNamespace());
  }
}

TEST_P(IoUringTest, AcceptIsItsOwners) {
  ASSERT_EQ(Lacks(), "");
  Recorder recorder;
  std::string hook;
  for (const model::FactCoverage& row : recorder.sensor()->Coverage()) {
    if (row.fact == "accept") hook = row.hook;
  }
  uint16_t port = 0;
  UniqueFd listener = Listen("127.0.0.1", &port);
  Child server([&] {
    Ring ring(GetParam().polled);
    const int fd = ring.Run(AcceptOne(), listener.get(), GetParam().flags);
    if (fd == -EINVAL) return kRefused;
    if (fd < 0) return 1;
    const UniqueFd connection(fd);
    return ring.Run(Send("hello", 5), fd, GetParam().flags) == 5 ? 0 : 2;
  });
  listener.reset();
  const auto pid = static_cast<uint32_t>(server.pid());
  const UniqueFd client = Connect("127.0.0.1", port);
  const bool answered = ReadAll(client.get(), 5);
  const int status = server.Wait();
  if (!answered) {
    // Then there is nothing to be seen either.
    ASSERT_EQ(status, kRefused << 8) << "the accept failed";
    recorder.Settle();
    EXPECT_TRUE(recorder.All<Accept>().empty());
    return;
  }
  EXPECT_EQ(status, 0);
  const Event* made = recorder.WaitForBody<Tcp>("established", [&](const Event&, const Tcp& tcp) {
    return tcp.side == TcpSide::kServer && tcp.phase == TcpPhase::kEstablished &&
           tcp.flow.server.port == port;
  });
  ASSERT_NE(made, nullptr);
  // A hook on the system call cannot see it; the connection is told without an owner.
  if (hook == "tp/syscalls/sys_exit_accept") {
    recorder.Settle();
    EXPECT_TRUE(recorder.All<Accept>().empty());
    return;
  }
  const model::HopName name = std::get<Tcp>(made->body).hop_name;
  const Event* accept = recorder.WaitForBody<Accept>(
      "accept", [&](const Event&, const Accept& body) { return body.flow.server.port == port; });
  ASSERT_NE(accept, nullptr);
  EXPECT_EQ(accept->header.process.tgid, pid) << accept->header.command;
  EXPECT_EQ(accept->header.parent.tgid, static_cast<uint32_t>(getpid()));
  EXPECT_EQ(std::get<Accept>(accept->body).hop_name, name);
}

INSTANTIATE_TEST_SUITE_P(Ways, IoUringTest,
                         testing::Values(Way{"ByTheCaller", false, 0},
                                         Way{"ByAWorker", false, IOSQE_ASYNC},
                                         Way{"Polled", true, 0},
                                         Way{"PolledByAWorker", true, IOSQE_ASYNC}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace hoptrail::kernel_test
