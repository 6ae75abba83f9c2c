#include <cstdint>
#include <string>
#include <utility>

#include "agent/session/correlator_fixture.h"

namespace hoptrail::agent::session {
namespace {

using model::EntryKind;
using model::HopSide;

// login_test.cc instantiates LoginTest.

TEST_P(LoginTest, LostForks_LaterConnectionIsTheSessionsHop) {
  const ProcessKey sshd = kernel_.StartSshd();
  const ProcessKey monitor = kernel_.Serve(sshd, kernel_.Arrive(), tier1());
  kernel_.lose_forks = true;
  const ProcessKey child =
      kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  const ProcessKey shell = kernel_.Fork(child);
  const ProcessKey orphan = kernel_.Fork(shell);
  kernel_.Exit(shell);
  kernel_.Exit(child);
  // Its connection is its first record; its parent is process 1 by now.
  kernel_.Connect(orphan, "192.0.2.2", 22);
  ASSERT_EQ(Hops(HopSide::kClient).size(), 1u);
  EXPECT_EQ(Hops(HopSide::kClient)[0].session, Id(monitor));
}

TEST_P(LoginTest, LostForkOfTheMonitor_LoginIsASession) {
  const ProcessKey sshd = kernel_.StartSshd();
  kernel_.lose_forks = true;
  const ProcessKey monitor = kernel_.Serve(sshd, kernel_.Arrive(), tier1());
  kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  EXPECT_TRUE(Reported(monitor).logged_in);
  EXPECT_EQ(Reported(monitor).user, "staff");
}

TEST_P(LoginTest, LostAcceptForkAndExec_SshdsMessageFindsTheConnection) {
  const ProcessKey sshd = kernel_.StartSshd();
  const uint64_t socket = kernel_.Arrive();
  // Accept, fork and exec of the monitor are lost. Later records show its session tag.
  const auto out = kernel_.out;
  kernel_.out = nullptr;
  const ProcessKey monitor = kernel_.Serve(sshd, socket, tier1());
  kernel_.out = out;
  kernel_.Pam(monitor, decode::PamStep::kAuthenticate, "staff", 7);
  kernel_.Say(monitor, "Failed password for staff from 198.51.100.9 port 40000 ssh2");
  EXPECT_EQ(attempts_.size(), 1u);
  EXPECT_FALSE(IsReported(monitor));
  kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  EXPECT_TRUE(Reported(monitor).logged_in);
  EXPECT_EQ(Reported(monitor).kind, EntryKind::kRemote);
  EXPECT_EQ(Reported(monitor).user, "staff");
  EXPECT_EQ(CountOf(EntryKind::kRemote), 1u);
  ASSERT_EQ(Hops(HopSide::kServer).size(), 1u);
  EXPECT_EQ(Hops(HopSide::kServer)[0].session, Id(monitor));
  EXPECT_TRUE(Reported(monitor).entry.has_value());
}

// A helper sets the audit session before it executes anything.
TEST_F(CorrelatorFixture, LoginSeenBeforeItsConnection_IsReportedWithIt) {
  const ProcessKey listener = kernel_.Fork(kernel_.init());
  kernel_.Exec(listener, "/usr/local/bin/helper");
  kernel_.Listen(listener);
  const uint64_t socket = kernel_.Arrive();
  const ProcessKey child = kernel_.Fork(listener);
  kernel_.SetAudit(child, 1000, 7);
  kernel_.Exec(child, "/srv/shell", FakeKernel::All(kernel_.Tcp(socket)));
  kernel_.Accept(child, socket, /*first_use=*/true);
  kernel_.Close(socket);
  EXPECT_TRUE(Reported(child).logged_in);
  EXPECT_TRUE(Reported(child).entry.has_value());
  const auto hops = Hops(model::HopSide::kServer);
  ASSERT_FALSE(hops.empty());
  EXPECT_EQ(hops.back().session, Id(child));
  EXPECT_TRUE(hops.back().opened_session);
}

// Fork and exec are lost; only the first use of the socket shows the connection's process.
TEST_F(CorrelatorFixture, LoginWhoseExecWasLost_IsReportedWithItsConnection) {
  const ProcessKey listener = kernel_.Fork(kernel_.init());
  kernel_.Exec(listener, "/usr/local/bin/helper");
  kernel_.Listen(listener);
  const uint64_t socket = kernel_.Arrive();
  kernel_.lose_forks = true;
  const ProcessKey child = kernel_.Fork(listener);
  kernel_.SetAudit(child, 1000, 7);
  kernel_.Accept(child, socket, /*first_use=*/true);
  kernel_.Close(socket);
  EXPECT_TRUE(Reported(child).logged_in);
  EXPECT_TRUE(Reported(child).entry.has_value());
  const auto hops = Hops(model::HopSide::kServer);
  ASSERT_FALSE(hops.empty());
  EXPECT_EQ(hops.back().session, Id(child));
  EXPECT_TRUE(hops.back().opened_session);
}

// A login begins and ends while a snapshot is taken because records were lost. Its only record is
// that of its onward connection.
class LoginDuringSnapshotTest : public CorrelatorFixture,
                                public testing::WithParamInterface<bool> {};

TEST_P(LoginDuringSnapshotTest, LoginWithALostExec_IsReported) {
  const ProcessKey listener = kernel_.Fork(kernel_.init());
  kernel_.Exec(listener, "/usr/local/bin/helper");
  kernel_.Listen(listener);
  const uint64_t socket = kernel_.Arrive();
  kernel_.BeginSnapshot();
  kernel_.Accept(listener, socket, /*first_use=*/false);
  kernel_.lose_forks = GetParam();
  const ProcessKey child = kernel_.Fork(listener);
  kernel_.SetAudit(child, 1000, 7);
  kernel_.Connect(child, "192.0.2.2", 22);
  kernel_.Exit(child);
  kernel_.EndSnapshot();
  EXPECT_TRUE(Reported(child).logged_in);
  EXPECT_EQ(Reported(child).audit_session, 7u);
  ASSERT_EQ(Hops(HopSide::kClient).size(), 1u);
  EXPECT_EQ(Hops(HopSide::kClient)[0].session, Id(child));
}

INSTANTIATE_TEST_SUITE_P(Loses, LoginDuringSnapshotTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "ForkAndExec" : "ExecAlone"; });

// The exec of the login was lost, and its process ends before the snapshot that shows it is
// complete.
TEST_F(CorrelatorFixture, LoginThatOnlyASnapshotShows_IsReportedBeforeItsEnd) {
  const ProcessKey listener = kernel_.Fork(kernel_.init());
  kernel_.Exec(listener, "/usr/local/bin/helper");
  kernel_.Listen(listener);
  const uint64_t socket = kernel_.Arrive();
  const ProcessKey child = kernel_.Fork(listener);
  kernel_.Accept(child, socket, /*first_use=*/true);
  kernel_.SetAudit(child, 1000, 7);
  kernel_.at(child).path = "/srv/shell";
  kernel_.BeginSnapshot();
  kernel_.Connect(child, "192.0.2.2", 22);
  kernel_.Exit(child);
  kernel_.EndSnapshot();
  EXPECT_TRUE(Reported(child).logged_in);
  EXPECT_EQ(Reported(child).audit_session, 7u);
}

// The exec of the program that connects onward is lost, with or without its fork.
class LostExecTest : public CorrelatorFixture, public testing::WithParamInterface<bool> {};

TEST_P(LostExecTest, Snapshot_CorrectsTheHopsProgramOnce) {
  const ProcessKey sshd = kernel_.StartSshd();
  const ProcessKey monitor = kernel_.Serve(sshd, kernel_.Arrive(), /*tier1=*/true);
  const ProcessKey shell =
      kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  kernel_.Exec(shell, "/bin/bash");
  kernel_.lose_forks = GetParam();
  const ProcessKey ssh = kernel_.Fork(shell);
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
  kernel_.Snapshot();
  EXPECT_EQ(Hops(HopSide::kClient).size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(Loses, LostExecTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "ForkAndExec" : "ExecAlone"; });

TEST_F(CorrelatorFixture, ExecAfterTheConnection_DoesNotChangeTheHopsProgram) {
  const ProcessKey service = kernel_.Fork(kernel_.init());
  kernel_.Exec(service, "/usr/bin/first");
  kernel_.Connect(service, "192.0.2.2", 22);
  const auto out = std::exchange(kernel_.out, nullptr);
  kernel_.Exec(service, "/usr/bin/second");
  kernel_.out = out;
  kernel_.Snapshot();
  ASSERT_EQ(Hops(HopSide::kClient).size(), 1u);
  EXPECT_EQ(Hops(HopSide::kClient)[0].program, "/usr/bin/first");
  // The next connection has the new program.
  kernel_.Connect(service, "192.0.2.3", 22);
  EXPECT_EQ(Hops(HopSide::kClient).back().program, "/usr/bin/second");
}

}  // namespace
}  // namespace hoptrail::agent::session
