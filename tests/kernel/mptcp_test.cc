// MPTCP: one connection for the programs at both ends, carried by TCP connections. It is emitted as
// the first of these, and credited to the processes of the MPTCP sockets.

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include "tests/kernel/programs.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::Accept;
using agent::decode::SocketSnapshot;
using agent::decode::StreamKind;
using agent::decode::Tcp;
using agent::decode::TcpPhase;
using agent::decode::TcpSide;
using ExecEvent = agent::decode::Exec;

constexpr int kMptcp = 262;  // IPPROTO_MPTCP

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

UniqueFd Socket() { return UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, kMptcp)); }

class MptcpTest : public testing::Test {
 protected:
  void SetUp() override {
    listener_ = Socket();
    if (listener_.valid()) return;
    // A kernel without MPTCP has nothing to emit. One that has it but refuses the socket is a
    // fault.
    missing_ = true;
    ASSERT_EQ(errno, EPROTONOSUPPORT) << strerror(errno);
    ASSERT_EQ(access("/proc/sys/net/ipv4", F_OK), 0) << "the sysctls cannot be seen";
    ASSERT_NE(access("/proc/sys/net/mptcp", F_OK), 0) << "this kernel has MPTCP";
  }

  void Listen() {
    sockaddr_in address = Loopback(0);
    socklen_t length = sizeof(address);
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    ASSERT_EQ(bind(listener_.get(), raw, length), 0);
    ASSERT_EQ(listen(listener_.get(), 8), 0);
    ASSERT_EQ(getsockname(listener_.get(), raw, &length), 0);
    port_ = ntohs(address.sin_port);
  }

  UniqueFd Connect() {
    UniqueFd fd = Socket();
    const sockaddr_in address = Loopback(port_);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0)
        << strerror(errno);
    return fd;
  }

  const Event* WaitForTcp(Recorder* recorder, TcpPhase phase, TcpSide side) {
    return recorder->WaitForBody<Tcp>("the connection", [&](const Event&, const Tcp& tcp) {
      return tcp.phase == phase && tcp.side == side && tcp.flow.server.port == port_;
    });
  }

  bool missing_ = false;
  UniqueFd listener_;
  uint16_t port_ = 0;
};

TEST_F(MptcpTest, Connection_HasOneHopKeyAtBothEnds) {
  if (missing_) return;
  Recorder recorder;
  Listen();
  Child client([&] {
    const UniqueFd fd = Connect();
    return WriteAll(fd.get(), 100) && ReadAll(fd.get(), 200) ? 0 : 1;
  });
  const auto pid = static_cast<uint32_t>(client.pid());
  UniqueFd server(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  ASSERT_TRUE(server.valid()) << strerror(errno);
  ASSERT_TRUE(ReadAll(server.get(), 100) && WriteAll(server.get(), 200));
  ASSERT_EQ(client.Wait(), 0);
  server.reset();

  const Event* connected = WaitForTcp(&recorder, TcpPhase::kEstablished, TcpSide::kClient);
  ASSERT_NE(connected, nullptr);
  EXPECT_EQ(connected->header.process.tgid, pid);
  const model::HopKey key = std::get<Tcp>(connected->body).hop_key;
  EXPECT_FALSE(key.empty());
  const Event* accepted = recorder.WaitForBody<Accept>(
      "accept", [&](const Event&, const Accept& body) { return body.flow.server.port == port_; });
  ASSERT_NE(accepted, nullptr);
  EXPECT_TRUE(IsProcess(accepted->header.process, getpid()));
  EXPECT_EQ(std::get<Accept>(accepted->body).hop_key, key);
  const Event* closed = WaitForTcp(&recorder, TcpPhase::kClosed, TcpSide::kServer);
  ASSERT_NE(closed, nullptr);
  EXPECT_TRUE(IsProcess(closed->header.process, getpid()));
  recorder.Settle();
  EXPECT_EQ(recorder.All<Accept>().size(), 1u);
}

// For a client of plain TCP, accept returns a plain TCP socket.
TEST_F(MptcpTest, PlainTcpClient_AcceptIsEmitted) {
  if (missing_) return;
  Recorder recorder;
  Listen();
  const UniqueFd client = kernel_test::Connect("127.0.0.1", port_);
  const UniqueFd server(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  ASSERT_TRUE(server.valid()) << strerror(errno);
  ASSERT_TRUE(WriteAll(server.get(), 1));
  const Event* accepted = recorder.WaitForBody<Accept>(
      "accept", [&](const Event&, const Accept& body) { return body.flow.server.port == port_; });
  ASSERT_NE(accepted, nullptr);
  EXPECT_TRUE(IsProcess(accepted->header.process, getpid()));
}

class MptcpFreshSensorTest : public MptcpTest {};

int ExitAtOnce(const std::vector<std::string>&) { return 0; }

const SelfPrograms programs({{"exit-at-once", ExitAtOnce}});

TEST_F(MptcpFreshSensorTest, SnapshotAndProgramsStreams_HoldTheHopKey) {
  if (missing_) return;
  Listen();
  const UniqueFd client = Connect();
  const UniqueFd server(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  ASSERT_TRUE(server.valid()) << strerror(errno);
  ASSERT_TRUE(WriteAll(server.get(), 1) && ReadAll(client.get(), 1));

  Recorder recorder({}, SensorAge::kFresh);
  recorder.Snapshot();
  model::HopKey keys[2];
  for (const auto& [event, socket] : recorder.All<SocketSnapshot>()) {
    if (socket->listening || socket->flow.server.port != port_) continue;
    EXPECT_TRUE(IsProcess(event->header.process, getpid()));
    keys[socket->side == TcpSide::kServer] = socket->hop_key;
  }
  EXPECT_FALSE(keys[0].empty());
  EXPECT_EQ(keys[0], keys[1]);

  Child program([&] {
    dup2(server.get(), STDIN_FILENO);
    return Exec(AsProgram("exit-at-once"));
  });
  const auto pid = static_cast<uint32_t>(program.pid());
  ASSERT_EQ(program.Wait(), 0);
  const Event* started = recorder.WaitForBody<ExecEvent>(
      "exec",
      [&](const Event& event, const ExecEvent&) { return event.header.process.tgid == pid; });
  ASSERT_NE(started, nullptr);
  const agent::decode::Stream& input = std::get<ExecEvent>(started->body).streams[0];
  EXPECT_EQ(input.kind, StreamKind::kTcp);
  EXPECT_TRUE(input.accepted);
  EXPECT_EQ(input.hop_key, keys[1]);
}

}  // namespace
}  // namespace hoptrail::kernel_test
