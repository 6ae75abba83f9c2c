// Repeat(): the collector has lost what was reported.

#include <set>

#include <gtest/gtest.h>

#include "agent/session/correlator_fixture.h"

namespace hoptrail::agent::session {
namespace {

class RepeatTest : public CorrelatorFixture {
 protected:
  std::set<model::SessionId> ReportedIds() const {
    std::set<model::SessionId> ids;
    for (const auto& [id, session] : reported_) ids.insert(id);
    return ids;
  }
};

TEST_F(RepeatTest, SessionsAndOpenConnections_AreReportedAsTheyAreNow) {
  const ProcessKey sshd = kernel_.StartSshd();
  const uint64_t socket = kernel_.Arrive(40000);
  const ProcessKey monitor = kernel_.Serve(sshd, socket, false);
  const ProcessKey shell =
      kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  kernel_.Connect(shell, "192.0.2.2", 22);
  const uint64_t gone = kernel_.Connect(shell, "192.0.2.3", 22);
  kernel_.Close(gone);
  const std::set<model::SessionId> ids = ReportedIds();
  ASSERT_GE(ids.size(), 2u);
  const model::Session login = Reported(monitor);
  Forget();

  correlator_->Repeat();
  EXPECT_EQ(ReportedIds(), ids);
  EXPECT_TRUE(Reported(monitor) == login);
  ASSERT_EQ(Hops(model::HopSide::kServer).size(), 1u);
  EXPECT_EQ(Hops(model::HopSide::kServer)[0].session, Id(monitor));
  EXPECT_TRUE(Hops(model::HopSide::kServer)[0].opened_session);
  ASSERT_EQ(Hops(model::HopSide::kClient).size(), 1u) << "the other one is closed";
  EXPECT_EQ(Hops(model::HopSide::kClient)[0].closed_wall_ns, 0);
  Forget();
  correlator_->Tick();
  EXPECT_TRUE(reported_.empty());
  EXPECT_TRUE(hops_.empty());
}

TEST_F(RepeatTest, PendingSession_IsNotReported) {
  const ProcessKey sshd = kernel_.StartSshd();
  const ProcessKey monitor = kernel_.Serve(sshd, kernel_.Arrive(40000), false);
  correlator_->Repeat();
  EXPECT_FALSE(IsReported(monitor));
}

// The queue to the spool has no room for all sessions of a busy host.
TEST_F(RepeatTest, ManySessions_AreReportedOverSeveralTicks) {
  for (int i = 0; i < 2500; ++i) {
    const ProcessKey service = kernel_.Fork(kernel_.init());
    kernel_.Exec(service, "/usr/sbin/service");
  }
  const std::set<model::SessionId> ids = ReportedIds();
  ASSERT_GE(ids.size(), 2500u);
  Forget();
  correlator_->Repeat();
  EXPECT_EQ(reported_.size(), 1000u);
  correlator_->Tick();
  EXPECT_EQ(reported_.size(), 2000u);
  correlator_->Tick();
  EXPECT_EQ(ReportedIds(), ids);
}

}  // namespace
}  // namespace hoptrail::agent::session
