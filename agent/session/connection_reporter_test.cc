#include "agent/session/connection_reporter.h"

#include <vector>

#include <gtest/gtest.h>

namespace hoptrail::agent::session {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

model::Endpoint At(absl::string_view address, uint16_t port) {
  return {*model::ParseIpAddress(address), port};
}

class ConnectionReporterTest : public testing::Test, public Output {
 protected:
  ConnectionReporterTest() {
    clock_.AdvanceNs(100 * kSecond);
    tables_.now_boot_ns = clock_.BootNs();
    process::Process first;
    first.key = {.tgid = 7, .start_boot_ns = 1};
    node_ = tables_.sessions.Create(first, model::EntryKind::kRemote);
    node_->from_remote = true;
    node_->reported = true;
  }

  // A connection of the session from this host.
  Connection& Connect(uint16_t port) {
    const uint64_t socket = ++sockets_;
    Connection& connection = *tables_.connections.Ensure(
        socket, model::HopSide::kClient, {At("192.0.2.1", 5000), At("192.0.2.2", port)});
    connection.hop_key = {static_cast<uint32_t>(socket), 1};
    connection.session = node_->session.id;
    return connection;
  }
  std::vector<model::HopEnd> Reported() {
    std::vector<model::HopEnd> hops;
    reporter_.Flush([&](const model::HopEnd& hop) { hops.push_back(hop); });
    return hops;
  }
  void Pass(uint64_t ns) { tables_.now_boot_ns += ns; }

  void OnSession(const model::Session&) override {}
  void OnHopEnd(const model::HopEnd&) override {}
  void OnLoginAttempt(const model::LoginAttempt&, const model::SessionId&) override {}
  void OnEdge(const model::EdgeCount& edge) override { edges_.push_back(edge); }
  void OnLoss(const model::Loss&) override {}

  FakeClock clock_;
  HostTables tables_{{.clock = &clock_, .user_resolver = [](uint32_t) { return "staff"; }}};
  ConnectionReporter reporter_{{.watched_ports = {22}, .max_hops_per_minute = 3}, &tables_};
  Node* node_ = nullptr;
  uint64_t sockets_ = 0;
  std::vector<model::EdgeCount> edges_;
};

TEST_F(ConnectionReporterTest, ConnectionOfARemoteSession_QualifiesToAnyPort) {
  Connection& connection = Connect(443);
  EXPECT_TRUE(reporter_.Qualifies(connection));
  node_->from_remote = false;
  EXPECT_FALSE(reporter_.Qualifies(connection));
  node_->provenance = model::Provenance();
  EXPECT_TRUE(reporter_.Qualifies(connection));
  node_->login = LoginState::kPending;
  EXPECT_FALSE(reporter_.Qualifies(connection)) << "the session is pending";
  EXPECT_TRUE(reporter_.Qualifies(Connect(22))) << "a watched port";
}

TEST_F(ConnectionReporterTest, PendingSession_IsNotNamedInTheHop) {
  node_->login = LoginState::kPending;
  reporter_.Report(Connect(22));
  const auto hops = Reported();
  ASSERT_EQ(hops.size(), 1u);
  EXPECT_TRUE(hops[0].session.empty());
}

TEST_F(ConnectionReporterTest, ConnectionWithoutAHopKey_IsNotReported) {
  Connection& connection = Connect(22);
  connection.hop_key = {};
  reporter_.Report(connection);
  EXPECT_TRUE(Reported().empty());
}

TEST_F(ConnectionReporterTest, HopsBeyondTheBudget_AreCountedUntilTheNextMinute) {
  for (int i = 0; i < 5; ++i) reporter_.Report(Connect(443));
  EXPECT_EQ(Reported().size(), 3u);
  EXPECT_EQ(reporter_.TakeDropped(), 2u);
  EXPECT_EQ(reporter_.TakeDropped(), 0u);
  reporter_.Report(Connect(22));
  EXPECT_EQ(Reported().size(), 1u) << "watched ports are not limited";
  Pass(60 * kSecond);
  reporter_.Report(Connect(443));
  EXPECT_EQ(Reported().size(), 1u);
}

TEST_F(ConnectionReporterTest, ReportLater_ReportsAfterTwoSecondsUnlessReportedBefore) {
  Connection& later = Connect(22);
  Connection& before = Connect(22);
  reporter_.ReportLater(later);
  reporter_.ReportLater(before);
  reporter_.Report(before);
  EXPECT_EQ(Reported().size(), 1u);
  reporter_.ReportWaiting(tables_.now_boot_ns);
  EXPECT_TRUE(Reported().empty()) << "not yet";
  Pass(2 * kSecond);
  reporter_.ReportWaiting(tables_.now_boot_ns);
  EXPECT_EQ(Reported().size(), 1u);
}

TEST_F(ConnectionReporterTest, ReportWaiting_SkipsAnErasedConnection) {
  Connection& connection = Connect(22);
  reporter_.ReportLater(connection);
  tables_.connections.Erase(connection.socket);
  Pass(2 * kSecond);
  reporter_.ReportWaiting(tables_.now_boot_ns);
  EXPECT_TRUE(Reported().empty());
}

TEST_F(ConnectionReporterTest, ReportClosed_SkipsAConnectionThatWasNotReported) {
  reporter_.ReportClosed(Connect(443), 1, 2);
  EXPECT_TRUE(Reported().empty());
  Connection& connection = Connect(22);
  reporter_.Report(connection);
  Reported();
  reporter_.ReportClosed(connection, 10, 20);
  const auto hops = Reported();
  ASSERT_EQ(hops.size(), 1u);
  EXPECT_EQ(hops[0].bytes_sent, 10u);
  EXPECT_EQ(hops[0].bytes_received, 20u);
  EXPECT_NE(hops[0].closed_wall_ns, 0);
}

TEST_F(ConnectionReporterTest, Edge_CountsAConnectionOnceWithFailuresAndBytes) {
  Connection& connection = Connect(443);
  reporter_.CountEdge(connection);
  reporter_.CountEdge(connection);
  reporter_.CountFailure(connection);
  reporter_.CountBytes(connection, 10, 20);
  reporter_.FlushEdges(*this, /*current_too=*/true);
  ASSERT_EQ(edges_.size(), 1u);
  EXPECT_EQ(edges_[0].connections, 1u);
  EXPECT_EQ(edges_[0].failures, 1u);
  EXPECT_EQ(edges_[0].bytes_sent, 10u);
  EXPECT_EQ(edges_[0].bytes_received, 20u);
}

}  // namespace
}  // namespace hoptrail::agent::session
