// connect and accept through io_uring, which no hook on system calls sees: by the calling thread,
// by io_uring's workers, and by its polling thread. Each is credited to the process that owns the
// ring.

#include "tests/kernel/io_uring.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include "tests/kernel/programs.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::Accept;
using agent::decode::Tcp;
using agent::decode::TcpPhase;
using agent::decode::TcpSide;
using agent::decode::UnixConnect;
using ::testing::Contains;

template <typename Address>
io_uring_sqe ConnectTo(const Address& address) {
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

using IoUringTest = RingTest;

TEST_P(IoUringTest, Connect_IsCreditedToTheRingsOwner) {
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

TEST_P(IoUringTest, Accept_IsCreditedToTheRingsOwnerOrReportedAsMissed) {
  Recorder recorder;
  const std::vector<std::string> misses = recorder.CoverageOf("accept").misses;
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
    // The kernel refused the accept, so there must be no record.
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
  // If the hook misses the accept, the connection has no owner.
  if (testing::Value(misses, Contains("accept by io_uring"))) {
    recorder.Settle();
    EXPECT_TRUE(recorder.All<Accept>().empty());
    return;
  }
  const model::HopKey key = std::get<Tcp>(made->body).hop_key;
  const Event* accept = recorder.WaitForBody<Accept>(
      "accept", [&](const Event&, const Accept& body) { return body.flow.server.port == port; });
  ASSERT_NE(accept, nullptr);
  EXPECT_EQ(accept->header.process.tgid, pid) << accept->header.command;
  EXPECT_EQ(accept->header.parent.tgid, static_cast<uint32_t>(getpid()));
  EXPECT_EQ(std::get<Accept>(accept->body).hop_key, key);
}

TEST_P(IoUringTest, UnixConnect_IsCreditedToTheRingsOwnerOrReportedAsMissed) {
  const TestDirectory directory;
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const std::string path = directory.path() + "/agent";
  ASSERT_LT(path.size(), sizeof(address.sun_path));
  std::memcpy(address.sun_path, path.data(), path.size());
  const UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  Recorder recorder;
  Child client([&] {
    Ring ring(GetParam().polled);
    const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return ring.Run(ConnectTo(address), fd.get(), GetParam().flags) == 0 ? 0 : 1;
  });
  const auto pid = static_cast<uint32_t>(client.pid());
  EXPECT_EQ(client.Wait(), 0);
  recorder.Settle();
  const auto connects = recorder.All<UnixConnect>();
  if (testing::Value(recorder.CoverageOf("unix connect").misses, Contains("connect by io_uring"))) {
    EXPECT_TRUE(connects.empty());
    return;
  }
  ASSERT_EQ(connects.size(), 1u);
  EXPECT_EQ(connects[0].first->header.process.tgid, pid) << connects[0].first->header.command;
  EXPECT_EQ(connects[0].second->path, path);
  EXPECT_EQ(connects[0].second->count, 1u);
  EXPECT_TRUE(IsProcess(connects[0].second->peer, getpid()));
}

INSTANTIATE_TEST_SUITE_P(Modes, IoUringTest, RingModes(), RingModeName);

}  // namespace
}  // namespace hoptrail::kernel_test
