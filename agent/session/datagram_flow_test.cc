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

TEST_F(CorrelatorFixture, DatagramFlow_IsCountedInAnEdgeOfItsProtocol) {
  const ProcessKey service = kernel_.Fork(kernel_.init());
  kernel_.Exec(service, "/usr/bin/app");
  kernel_.Close(kernel_.Connect(service, "192.0.2.50", 53));
  kernel_.SendDatagrams(service, To("192.0.2.50", 53, 40, /*first=*/true));
  kernel_.SendDatagrams(service, To("192.0.2.50", 53, 400));
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

TEST_F(CorrelatorFixture, DatagramFlowFromABoundPort_IsCountedAsTheServersEdge) {
  const ProcessKey service = kernel_.Fork(kernel_.init());
  kernel_.Exec(service, "/usr/sbin/named");
  DatagramFlow answers = To("192.0.2.50", 0, 1000, /*first=*/true);
  answers.local_port = 53;
  kernel_.SendDatagrams(service, answers);
  clock_.AdvanceNs(kMinuteNs);
  correlator_->Tick();
  ASSERT_EQ(edges_.size(), 1u);
  EXPECT_EQ(edges_[0].side, model::HopSide::kServer);
  EXPECT_EQ(edges_[0].server_port, 53);
  EXPECT_EQ(edges_[0].bytes_sent, 1000u);
}

// The kernel side emits the rest of a flow long after its process has ended.
TEST_F(CorrelatorFixture, LateRecordOfAFlow_DoesNotReopenItsSession) {
  const ProcessKey service = kernel_.Fork(kernel_.init());
  kernel_.Exec(service, "/usr/bin/app");
  kernel_.SendDatagrams(service, To("192.0.2.50", 53, 40, /*first=*/true));
  const decode::Header header{.process = service};
  kernel_.Exit(service);
  EXPECT_NE(Reported(service).closed_wall_ns, 0);
  const size_t processes = correlator_->process_count();
  kernel_.Emit(header, To("192.0.2.50", 53, 7));
  EXPECT_NE(Reported(service).closed_wall_ns, 0);
  EXPECT_EQ(correlator_->process_count(), processes);
  clock_.AdvanceNs(kMinuteNs);
  correlator_->Tick();
  ASSERT_EQ(edges_.size(), 1u);
  EXPECT_EQ(edges_[0].bytes_sent, 47u);
}

}  // namespace
}  // namespace hoptrail::agent::session
