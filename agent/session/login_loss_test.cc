#include <cstdint>
#include <string>
#include <utility>

#include "agent/session/correlator_fixture.h"

namespace hoptrail::agent::session {
namespace {

using model::EntryKind;
using model::HopSide;

// Under which tiers: see login_test.cc.

TEST_P(LoginTest, LostForksDoNotLoseTheSession) {
  const Name sshd = kernel_.StartSshd();
  const Name monitor = kernel_.Serve(sshd, kernel_.Arrive(), tier1());
  kernel_.lose_forks = true;
  const Name child = kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  const Name shell = kernel_.Fork(child);
  const Name orphan = kernel_.Fork(shell);
  kernel_.Exit(shell);
  kernel_.Exit(child);
  // First heard of by its connection; its parent is process 1 by now.
  kernel_.Connect(orphan, "192.0.2.2", 22);
  ASSERT_EQ(Hops(HopSide::kClient).size(), 1u);
  EXPECT_EQ(Hops(HopSide::kClient)[0].session, Id(monitor));
}

TEST_P(LoginTest, ALostForkOfTheMonitorStillMakesASession) {
  const Name sshd = kernel_.StartSshd();
  kernel_.lose_forks = true;
  const Name monitor = kernel_.Serve(sshd, kernel_.Arrive(), tier1());
  kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  EXPECT_TRUE(Told(monitor).logged_in);
  EXPECT_EQ(Told(monitor).user, "staff");
}

TEST_P(LoginTest, ALostHandOverIsFoundByWhatSshdSays) {
  const Name sshd = kernel_.StartSshd();
  const uint64_t socket = kernel_.Arrive();
  // Accept, fork and exec of the monitor are lost; its session tag is not.
  const auto out = kernel_.out;
  kernel_.out = nullptr;
  const Name monitor = kernel_.Serve(sshd, socket, tier1());
  kernel_.out = out;
  kernel_.Pam(monitor, decode::PamStep::kAuthenticate, "staff", 7);
  kernel_.Say(monitor, "Failed password for staff from 198.51.100.9 port 40000 ssh2");
  EXPECT_EQ(attempts_.size(), 1u);
  EXPECT_FALSE(IsTold(monitor));
  kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  EXPECT_TRUE(Told(monitor).logged_in);
  EXPECT_EQ(Told(monitor).kind, EntryKind::kRemote);
  EXPECT_EQ(Told(monitor).user, "staff");
  EXPECT_EQ(CountOf(EntryKind::kRemote), 1u);
  ASSERT_EQ(Hops(HopSide::kServer).size(), 1u);
  EXPECT_EQ(Hops(HopSide::kServer)[0].session, Id(monitor));
  EXPECT_TRUE(Told(monitor).entry.has_value());
}

// A helper that sets the audit session before it runs anything: the login shows before the
// connection does, and is told with it all the same.
TEST_F(CorrelatorFixture, ALoginThatShowsBeforeItsConnectionIsTold) {
  const Name listener = kernel_.Fork(kernel_.init());
  kernel_.Exec(listener, "/usr/local/bin/helper");
  kernel_.Listen(listener);
  const uint64_t socket = kernel_.Arrive();
  const Name child = kernel_.Fork(listener);
  kernel_.SetAudit(child, 1000, 7);
  kernel_.Exec(child, "/srv/shell", FakeKernel::All(kernel_.Tcp(socket)));
  kernel_.Accept(child, socket, /*first_use=*/true);
  kernel_.Close(socket);
  EXPECT_TRUE(Told(child).logged_in);
  EXPECT_TRUE(Told(child).entry.has_value());
  const auto hops = Hops(model::HopSide::kServer);
  ASSERT_FALSE(hops.empty());
  EXPECT_EQ(hops.back().session, Id(child));
  EXPECT_TRUE(hops.back().opened_session);
}

// Of all that hands the connection over, only its first use is told: the rest was lost.
TEST_F(CorrelatorFixture, ALostExecDoesNotPartALoginFromItsConnection) {
  const Name listener = kernel_.Fork(kernel_.init());
  kernel_.Exec(listener, "/usr/local/bin/helper");
  kernel_.Listen(listener);
  const uint64_t socket = kernel_.Arrive();
  kernel_.lose_forks = true;
  const Name child = kernel_.Fork(listener);
  kernel_.SetAudit(child, 1000, 7);
  kernel_.Accept(child, socket, /*first_use=*/true);
  kernel_.Close(socket);
  EXPECT_TRUE(Told(child).logged_in);
  EXPECT_TRUE(Told(child).entry.has_value());
  const auto hops = Hops(model::HopSide::kServer);
  ASSERT_FALSE(hops.empty());
  EXPECT_EQ(hops.back().session, Id(child));
  EXPECT_TRUE(hops.back().opened_session);
}

// A snapshot is being taken because records were lost; what happens meanwhile counts all the same,
// and may be over before it is complete. Of the login only the connection onward is told.
class MeanwhileTest : public CorrelatorFixture, public testing::WithParamInterface<bool> {};

TEST_P(MeanwhileTest, ALoginIsSeenWhileASnapshotIsTaken) {
  const Name listener = kernel_.Fork(kernel_.init());
  kernel_.Exec(listener, "/usr/local/bin/helper");
  kernel_.Listen(listener);
  const uint64_t socket = kernel_.Arrive();
  kernel_.BeginSnapshot();
  kernel_.Accept(listener, socket, /*first_use=*/false);
  kernel_.lose_forks = GetParam();
  const Name child = kernel_.Fork(listener);
  kernel_.SetAudit(child, 1000, 7);
  kernel_.Connect(child, "192.0.2.2", 22);
  kernel_.Exit(child);
  kernel_.EndSnapshot();
  EXPECT_TRUE(Told(child).logged_in);
  EXPECT_EQ(Told(child).audit_session, 7u);
  ASSERT_EQ(Hops(HopSide::kClient).size(), 1u);
  EXPECT_EQ(Hops(HopSide::kClient)[0].session, Id(child));
}

INSTANTIATE_TEST_SUITE_P(Loses, MeanwhileTest, testing::Bool(), [](const auto& info) {
  return info.param ? "TheForkToo" : "AllButTheFork";
});

// The exec of the login was lost, and its process has ended before the snapshot that shows it is
// complete.
TEST_F(CorrelatorFixture, ALoginThatOnlyASnapshotShowsIsSeenAtOnce) {
  const Name listener = kernel_.Fork(kernel_.init());
  kernel_.Exec(listener, "/usr/local/bin/helper");
  kernel_.Listen(listener);
  const uint64_t socket = kernel_.Arrive();
  const Name child = kernel_.Fork(listener);
  kernel_.Accept(child, socket, /*first_use=*/true);
  kernel_.SetAudit(child, 1000, 7);
  kernel_.at(child).path = "/srv/shell";
  kernel_.BeginSnapshot();
  kernel_.Connect(child, "192.0.2.2", 22);
  kernel_.Exit(child);
  kernel_.EndSnapshot();
  EXPECT_TRUE(Told(child).logged_in);
  EXPECT_EQ(Told(child).audit_session, 7u);
}

// Of who connected onward neither fork nor exec was told, or only the fork: the hop's program is
// put right as soon as a snapshot shows it, and the hop is told again with it.
class LostExec : public CorrelatorFixture, public testing::WithParamInterface<bool> {};

TEST_P(LostExec, ASnapshotTellsWhoConnected) {
  const Name sshd = kernel_.StartSshd();
  const Name monitor = kernel_.Serve(sshd, kernel_.Arrive(), /*tier1=*/true);
  const Name shell = kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  kernel_.Exec(shell, "/bin/bash");
  kernel_.lose_forks = GetParam();
  const Name ssh = kernel_.Fork(shell);
  const auto out = std::exchange(kernel_.out, nullptr);
  kernel_.Exec(ssh, "/usr/bin/ssh");
  kernel_.out = out;
  kernel_.Connect(ssh, "192.0.2.2", 22);
  ASSERT_EQ(Hops(HopSide::kClient).size(), 1u);
  EXPECT_EQ(Hops(HopSide::kClient)[0].program, GetParam() ? "" : "/bin/bash");
  kernel_.lose_forks = false;
  kernel_.Snapshot();
  ASSERT_EQ(Hops(HopSide::kClient).size(), 2u);
  model::HopEnd corrected = Hops(HopSide::kClient)[1];
  EXPECT_EQ(corrected.program, "/usr/bin/ssh");
  EXPECT_EQ(corrected.session, Id(monitor));
  corrected.program = Hops(HopSide::kClient)[0].program;
  EXPECT_EQ(corrected, Hops(HopSide::kClient)[0]);
  // Once.
  kernel_.Snapshot();
  EXPECT_EQ(Hops(HopSide::kClient).size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(Loses, LostExec, testing::Bool(),
                         [](const auto& info) { return info.param ? "ForkAndExec" : "ExecAlone"; });

// A program of its own that connected stays the hop's, whatever the process runs later.
TEST_F(CorrelatorFixture, AnExecAfterTheConnectionIsNotWhoConnected) {
  const Name service = kernel_.Fork(kernel_.init());
  kernel_.Exec(service, "/usr/bin/first");
  kernel_.Connect(service, "192.0.2.2", 22);
  const auto out = std::exchange(kernel_.out, nullptr);
  kernel_.Exec(service, "/usr/bin/second");
  kernel_.out = out;
  kernel_.Snapshot();
  ASSERT_EQ(Hops(HopSide::kClient).size(), 1u);
  EXPECT_EQ(Hops(HopSide::kClient)[0].program, "/usr/bin/first");
  // The process itself is known as what it is now.
  kernel_.Connect(service, "192.0.2.3", 22);
  EXPECT_EQ(Hops(HopSide::kClient).back().program, "/usr/bin/second");
}

}  // namespace
}  // namespace hoptrail::agent::session
