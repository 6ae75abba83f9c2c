// Records of TCP, against what a small program did.

#include <unistd.h>

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include "tests/kernel/tcp_helpers.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::Accept;

class TcpTest : public testing::TestWithParam<const char*> {};

TEST_P(TcpTest, Connection_BothEndsEmitTheSameHopKeyAndFlow) {
  Recorder recorder;
  uint16_t port = 0;
  UniqueFd listener = Listen(GetParam(), &port);
  Child server([&] {
    const UniqueFd accepted(accept(listener.get(), nullptr, nullptr));
    const bool ok = ReadAll(accepted.get(), 300'000) && WriteAll(accepted.get(), 70'001);
    return ok ? 0 : 1;
  });
  listener.reset();
  uint16_t client_port = 0;
  {
    const UniqueFd client = Connect(GetParam(), port);
    ASSERT_TRUE(client.valid());
    sockaddr_in6 own = {};
    socklen_t length = sizeof(own);
    ASSERT_EQ(getsockname(client.get(), reinterpret_cast<sockaddr*>(&own), &length), 0);
    client_port = ntohs(own.sin6_port);
    EXPECT_TRUE(WriteAll(client.get(), 300'000));
    EXPECT_TRUE(ReadAll(client.get(), 70'001));
    char more;
    EXPECT_EQ(read(client.get(), &more, 1), 0);
  }
  const auto server_pid = static_cast<uint32_t>(server.pid());
  EXPECT_EQ(server.Wait(), 0);

  const TcpEvent connecting = WaitForTcp(&recorder, TcpPhase::kConnect, TcpSide::kClient, port);
  const TcpEvent client = WaitForTcp(&recorder, TcpPhase::kEstablished, TcpSide::kClient, port);
  const TcpEvent accepted = WaitForTcp(&recorder, TcpPhase::kEstablished, TcpSide::kServer, port);
  const TcpEvent client_end = WaitForTcp(&recorder, TcpPhase::kClosed, TcpSide::kClient, port);
  const TcpEvent server_end = WaitForTcp(&recorder, TcpPhase::kClosed, TcpSide::kServer, port);
  ASSERT_FALSE(HasFailure());

  EXPECT_FALSE(client.tcp.hop_key.empty());
  EXPECT_EQ(client.tcp.hop_key, accepted.tcp.hop_key);
  EXPECT_EQ(client.tcp.hop_key, client_end.tcp.hop_key);
  EXPECT_EQ(client.tcp.hop_key, server_end.tcp.hop_key);
  EXPECT_TRUE(connecting.tcp.hop_key.empty());

  model::Flow flow;
  flow.client.address = flow.server.address = *model::ParseIpAddress(GetParam());
  flow.client.port = client_port;
  flow.server.port = port;
  for (const TcpEvent* each : {&client, &accepted, &client_end, &server_end}) {
    EXPECT_EQ(each->tcp.flow, flow) << model::ToString(each->tcp.flow.client) << " to "
                                    << model::ToString(each->tcp.flow.server);
    EXPECT_EQ(each->tcp.network_namespace, NetworkNamespace());
  }
  EXPECT_EQ(connecting.tcp.flow.server, flow.server);
  EXPECT_EQ(connecting.tcp.flow.client.address, flow.client.address);

  EXPECT_NE(client.tcp.socket, 0u);
  EXPECT_EQ(client.tcp.socket, connecting.tcp.socket);
  EXPECT_EQ(client.tcp.socket, client_end.tcp.socket);
  EXPECT_EQ(accepted.tcp.socket, server_end.tcp.socket);
  EXPECT_NE(client.tcp.socket, accepted.tcp.socket);

  EXPECT_TRUE(IsProcess(connecting.event->header.process, getpid()));
  EXPECT_TRUE(IsProcess(client.event->header.process, getpid()));
  EXPECT_TRUE(IsProcess(client_end.event->header.process, getpid()));
  EXPECT_EQ(accepted.event->header.credentials.audit_session, model::kNoLogin);
  EXPECT_EQ(server_end.event->header.process.tgid, server_pid);

  EXPECT_EQ(client_end.tcp.bytes_sent, 300'000u);
  EXPECT_EQ(client_end.tcp.bytes_received, 70'001u);
  EXPECT_EQ(server_end.tcp.bytes_sent, 70'001u);
  EXPECT_EQ(server_end.tcp.bytes_received, 300'000u);
  EXPECT_GT(client.tcp.rtt_us, 0u);
  EXPECT_GT(accepted.tcp.rtt_us, 0u);

  const Event* accept = recorder.WaitForBody<Accept>(
      "accept",
      [&](const Event&, const Accept& body) { return body.socket == accepted.tcp.socket; });
  ASSERT_NE(accept, nullptr);
  EXPECT_EQ(accept->header.process.tgid, server_pid);
  // It has no owner yet, unless another CPU accepted it before the record of its handshake.
  if (!accepted.event->header.process.empty()) {
    EXPECT_EQ(accepted.event->header.process, accept->header.process);
    EXPECT_LT(accept->header.boot_ns, accepted.event->header.boot_ns);
  }
  EXPECT_EQ(std::get<Accept>(accept->body).hop_key, client.tcp.hop_key);
  EXPECT_EQ(std::get<Accept>(accept->body).flow, flow);
}

TEST_P(TcpTest, RefusedConnect_EmitsTheError) {
  Recorder recorder;
  uint16_t port = 0;
  Listen(GetParam(), &port);  // and closed at once
  EXPECT_FALSE(Connect(GetParam(), port).valid());
  const TcpEvent failed = WaitForTcp(&recorder, TcpPhase::kFailed, TcpSide::kClient, port);
  ASSERT_NE(failed.event, nullptr);
  EXPECT_EQ(failed.tcp.error, ECONNREFUSED);
  EXPECT_TRUE(failed.tcp.hop_key.empty());
  EXPECT_TRUE(IsProcess(failed.event->header.process, getpid()));
  EXPECT_EQ(failed.tcp.flow.server.address, *model::ParseIpAddress(GetParam()));
}

TEST_P(TcpTest, Listen_IsEmitted) {
  Recorder recorder;
  uint16_t port = 0;
  const UniqueFd listener = Listen(GetParam(), &port);
  const TcpEvent listening = WaitForTcp(&recorder, TcpPhase::kListen, TcpSide::kServer, port);
  ASSERT_NE(listening.event, nullptr);
  EXPECT_EQ(listening.tcp.flow.server.address, *model::ParseIpAddress(GetParam()));
  EXPECT_TRUE(IsProcess(listening.event->header.process, getpid()));
}

INSTANTIATE_TEST_SUITE_P(Addresses, TcpTest,
                         testing::Values("127.0.0.1", "::1", "::ffff:127.0.0.1"),
                         [](const auto& info) {
                           return info.index == 0 ? "V4" : info.index == 1 ? "V6" : "Mapped";
                         });

TEST(TcpConnectionTest, ResetConnection_KeepsItsHopKey) {
  Recorder recorder;
  uint16_t port = 0;
  {
    TcpPair pair = ConnectedPair("127.0.0.1");
    port = pair.port;
    ASSERT_TRUE(WriteAll(pair.client.get(), 10));
    const linger at_once = {1, 0};
    ASSERT_EQ(setsockopt(pair.server.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    pair.server.reset();
  }
  const TcpEvent client = WaitForTcp(&recorder, TcpPhase::kEstablished, TcpSide::kClient, port);
  const TcpEvent client_end = WaitForTcp(&recorder, TcpPhase::kClosed, TcpSide::kClient, port);
  const TcpEvent server_end = WaitForTcp(&recorder, TcpPhase::kClosed, TcpSide::kServer, port);
  ASSERT_NE(client.event, nullptr);
  EXPECT_FALSE(client.tcp.hop_key.empty());
  EXPECT_EQ(client_end.tcp.hop_key, client.tcp.hop_key);
  EXPECT_EQ(server_end.tcp.hop_key, client.tcp.hop_key);
}

TEST(TcpConnectionTest, ManyConnections_HaveDistinctHopKeysThatBothEndsShare) {
  Recorder recorder;
  constexpr int kConnections = 300;
  uint16_t port = 0;
  const UniqueFd listener = Listen("127.0.0.1", &port);
  for (int i = 0; i < kConnections; ++i) {
    const UniqueFd client = Connect("127.0.0.1", port);
    const UniqueFd server(accept(listener.get(), nullptr, nullptr));
    ASSERT_TRUE(WriteAll(client.get(), i + 1) && ReadAll(server.get(), i + 1));
  }
  recorder.Settle();
  std::set<model::HopKey> client_keys, server_keys, accepted_keys;
  for (const auto& [event, tcp] : recorder.All<Tcp>()) {
    if (tcp->phase != TcpPhase::kEstablished) continue;
    (tcp->side == TcpSide::kClient ? client_keys : server_keys).insert(tcp->hop_key);
  }
  for (const auto& [event, accept] : recorder.All<Accept>()) {
    accepted_keys.insert(accept->hop_key);
  }
  EXPECT_EQ(client_keys.size(), size_t{kConnections});
  EXPECT_EQ(server_keys, client_keys);
  EXPECT_EQ(accepted_keys, client_keys);
  EXPECT_EQ(recorder.Lost("tcp"), 0u);
}

TEST(TcpConnectionTest, Events_AreInOrderOfBootTime) {
  Recorder recorder;
  for (int i = 0; i < 50; ++i) {
    ConnectedPair("127.0.0.1");
    Child child([] { return Exec({"/bin/true"}); });
  }
  recorder.Settle();
  uint64_t last = 0;
  for (const Event& event : recorder.events()) {
    EXPECT_GE(event.header.boot_ns, last);
    last = event.header.boot_ns;
  }
  EXPECT_GT(recorder.events().size(), 400u);
}

TEST(TcpConnectionTest, ProgramStartedOnAnAcceptedSocket_EmitsTheConnection) {
  Recorder recorder;
  TcpPair pair = ConnectedPair("127.0.0.1");
  Child child([&] {
    dup2(pair.server.get(), 0);
    dup2(pair.client.get(), 1);
    return Exec({"/bin/true"});
  });
  const Event* event = recorder.WaitForBody<agent::decode::Exec>(
      "exec", [&](const Event& e, const agent::decode::Exec&) {
        return e.header.process.tgid == static_cast<uint32_t>(child.pid());
      });
  ASSERT_NE(event, nullptr);
  const auto exec = std::get<agent::decode::Exec>(event->body);
  const TcpEvent server =
      WaitForTcp(&recorder, TcpPhase::kEstablished, TcpSide::kServer, pair.port);
  ASSERT_NE(server.event, nullptr);
  EXPECT_EQ(exec.streams[0].kind, agent::decode::StreamKind::kTcp);
  EXPECT_TRUE(exec.streams[0].accepted);
  EXPECT_EQ(exec.streams[0].socket, server.tcp.socket);
  EXPECT_EQ(exec.streams[0].hop_key, server.tcp.hop_key);
  EXPECT_EQ(exec.streams[0].flow, server.tcp.flow);
  EXPECT_FALSE(exec.streams[1].accepted);
  EXPECT_EQ(exec.streams[1].hop_key, server.tcp.hop_key);
  EXPECT_EQ(exec.streams[1].flow, server.tcp.flow);
}

}  // namespace
}  // namespace hoptrail::kernel_test
