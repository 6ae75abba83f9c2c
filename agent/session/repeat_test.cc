// What is told anew where whoever was told has forgotten.

#include <set>

#include <gtest/gtest.h>

#include "agent/session/correlator_fixture.h"

namespace hoptrail::agent::session {
namespace {

class RepeatTest : public CorrelatorFixture {
 protected:
  std::set<model::SessionId> ToldIds() const {
    std::set<model::SessionId> ids;
    for (const auto& [id, session] : told_) ids.insert(id);
    return ids;
  }
};

TEST_F(RepeatTest, TellsSessionsAndOpenConnectionsAsTheyAreNow) {
  const Name sshd = kernel_.StartSshd();
  const uint64_t socket = kernel_.Arrive(40000);
  const Name monitor = kernel_.Serve(sshd, socket, false);
  const Name shell = kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  kernel_.Connect(shell, "192.0.2.2", 22);
  const uint64_t gone = kernel_.Connect(shell, "192.0.2.3", 22);
  kernel_.Close(gone);
  const std::set<model::SessionId> ids = ToldIds();
  ASSERT_GE(ids.size(), 2u);
  const model::Session login = Told(monitor);
  Forget();

  correlator_->Repeat();
  EXPECT_EQ(ToldIds(), ids);
  EXPECT_TRUE(Told(monitor) == login);
  ASSERT_EQ(Hops(model::HopSide::kServer).size(), 1u);
  EXPECT_EQ(Hops(model::HopSide::kServer)[0].session, Id(monitor));
  EXPECT_TRUE(Hops(model::HopSide::kServer)[0].opened_session);
  ASSERT_EQ(Hops(model::HopSide::kClient).size(), 1u) << "the other one is closed";
  EXPECT_EQ(Hops(model::HopSide::kClient)[0].closed_wall_ns, 0);
  Forget();
  correlator_->Tick();
  EXPECT_TRUE(told_.empty());
  EXPECT_TRUE(hops_.empty());
}

TEST_F(RepeatTest, NobodyHearsOfAConnectionByWhichNobodyHasComeIn) {
  const Name sshd = kernel_.StartSshd();
  const Name monitor = kernel_.Serve(sshd, kernel_.Arrive(40000), false);
  correlator_->Repeat();
  EXPECT_FALSE(IsTold(monitor));
}

// A queue behind it need not hold all of a busy host at once.
TEST_F(RepeatTest, ManyAreToldBitByBit) {
  for (int i = 0; i < 2500; ++i) {
    const Name service = kernel_.Fork(kernel_.init());
    kernel_.Exec(service, "/usr/sbin/service");
  }
  const std::set<model::SessionId> ids = ToldIds();
  ASSERT_GE(ids.size(), 2500u);
  Forget();
  correlator_->Repeat();
  EXPECT_EQ(told_.size(), 1000u);
  correlator_->Tick();
  EXPECT_EQ(told_.size(), 2000u);
  correlator_->Tick();
  EXPECT_EQ(ToldIds(), ids);
}

}  // namespace
}  // namespace hoptrail::agent::session
