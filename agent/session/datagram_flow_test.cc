#include "gtest/gtest.h"

#include "agent/session/correlator_fixture.h"

namespace hoptrail::agent::session {
namespace {

using decode::DatagramFlow;

constexpr uint64_t kMinuteNs = 60'000'000'000;

DatagramFlow To(const std::string& address, uint16_t port, uint64_t bytes, bool first = false) {
  DatagramFlow flow;
  flow.peer = {*model::ParseIpAddress(address), port};
  flow.protocol = model::kProtocolUdp;
  flow.first = first;
  flow.packets = 1;
  flow.bytes = bytes;
  return flow;
}

TEST_F(CorrelatorFixture, SendsAreEdgesOfTheirProtocol) {
  const Name service = kernel_.Fork(kernel_.init());
  kernel_.Exec(service, "/usr/bin/app");
  kernel_.Close(kernel_.Connect(service, "192.0.2.50", 53));
  kernel_.Send(service, To("192.0.2.50", 53, 40, /*first=*/true));
  kernel_.Send(service, To("192.0.2.50", 53, 400));
  clock_.AdvanceNs(kMinuteNs);
  correlator_->Tick();
  ASSERT_EQ(edges_.size(), 2u);
  const model::EdgeCount& udp = edges_[edges_[0].protocol == model::kProtocolUdp ? 0 : 1];
  EXPECT_EQ(udp.protocol, model::kProtocolUdp);
  EXPECT_EQ(udp.side, model::HopSide::kClient);
  EXPECT_EQ(udp.program, "/usr/bin/app");
  EXPECT_EQ(udp.server_port, 53);
  EXPECT_EQ(udp.connections, 1u);
  EXPECT_EQ(udp.bytes_sent, 440u);
}

TEST_F(CorrelatorFixture, AServersAnswersAreEdgesOfItsPort) {
  const Name service = kernel_.Fork(kernel_.init());
  kernel_.Exec(service, "/usr/sbin/named");
  DatagramFlow answers = To("192.0.2.50", 0, 1000, /*first=*/true);
  answers.local_port = 53;
  kernel_.Send(service, answers);
  clock_.AdvanceNs(kMinuteNs);
  correlator_->Tick();
  ASSERT_EQ(edges_.size(), 1u);
  EXPECT_EQ(edges_[0].side, model::HopSide::kServer);
  EXPECT_EQ(edges_[0].server_port, 53);
  EXPECT_EQ(edges_[0].bytes_sent, 1000u);
}

// The rest of a flow is told when its process has long ended.
TEST_F(CorrelatorFixture, ALateTotalRevivesNobody) {
  const Name service = kernel_.Fork(kernel_.init());
  kernel_.Exec(service, "/usr/bin/app");
  kernel_.Send(service, To("192.0.2.50", 53, 40, /*first=*/true));
  const decode::Header header{.process = service};
  kernel_.Exit(service);
  EXPECT_NE(Told(service).closed_wall_ns, 0);
  const size_t processes = correlator_->process_count();
  kernel_.Emit(header, To("192.0.2.50", 53, 7));
  EXPECT_NE(Told(service).closed_wall_ns, 0);
  EXPECT_EQ(correlator_->process_count(), processes);
  clock_.AdvanceNs(kMinuteNs);
  correlator_->Tick();
  ASSERT_EQ(edges_.size(), 1u);
  EXPECT_EQ(edges_[0].bytes_sent, 47u);
}

TEST_F(CorrelatorFixture, SocketsOfOtherSessionsAreKept) {
  const Name agent = kernel_.Fork(kernel_.init());
  kernel_.Exec(agent, "/usr/bin/ssh-agent");
  const Name user = kernel_.Fork(kernel_.init());
  kernel_.Exec(user, "/usr/bin/app");
  kernel_.ConnectUnix(user, "/tmp/ssh-a/agent.1", agent, 1000);
  kernel_.ConnectUnix(user, "/tmp/ssh-a/agent.1", agent, 1000);
  kernel_.ConnectUnix(user, "/run/mine", user, 0);
  kernel_.ConnectUnix(user, "/dev/log", {}, 0);
  const Node* node = correlator_->FindNode(Id(user));
  ASSERT_NE(node, nullptr);
  const std::vector<UnixUse>& uses = node->unix_uses.all();
  ASSERT_EQ(uses.size(), 2u);
  EXPECT_EQ(uses[0].path, "/tmp/ssh-a/agent.1");
  EXPECT_EQ(uses[0].owner, Id(agent));
  EXPECT_EQ(uses[0].owner_uid, 1000u);
  EXPECT_EQ(uses[0].connects, 2u);
  EXPECT_LT(uses[0].first_boot_ns, uses[0].last_boot_ns);
  EXPECT_EQ(uses[1].path, "/dev/log");
  EXPECT_TRUE(uses[1].owner.empty());
}

TEST_F(CorrelatorFixture, SocketsOfOtherSessionsAreBounded) {
  const Name agent = kernel_.Fork(kernel_.init());
  kernel_.Exec(agent, "/usr/bin/ssh-agent");
  const Name user = kernel_.Fork(kernel_.init());
  kernel_.Exec(user, "/usr/bin/app");
  for (size_t i = 0; i < 2 * UnixUses::kMost; ++i) {
    kernel_.ConnectUnix(user, "/tmp/" + std::to_string(i), agent, 1000);
  }
  const Node* node = correlator_->FindNode(Id(user));
  ASSERT_NE(node, nullptr);
  EXPECT_EQ(node->unix_uses.all().size(), UnixUses::kMost);
  EXPECT_EQ(node->unix_uses.dropped(), UnixUses::kMost);
}

}  // namespace
}  // namespace hoptrail::agent::session
