// Whom a login's processes run as, and which account the login program has named.

#include <string>

#include "agent/session/correlator_fixture.h"

namespace hoptrail::agent::session {
namespace {

using decode::StreamKind;

class LoginUserTest : public CorrelatorFixture {
 protected:
  static std::array<decode::Stream, 3> Terminal() {
    return FakeKernel::All(FakeKernel::Of(StreamKind::kTerminal));
  }
  ProcessKey ServeLogin() {
    const ProcessKey sshd = kernel_.StartSshd();
    return kernel_.Serve(sshd, kernel_.Arrive(), /*tier1=*/true);
  }
  // A login server that a super-server starts as root on the connection, as tinysshd is.
  ProcessKey ServeBySuperServer() {
    const ProcessKey super = kernel_.Fork(kernel_.init());
    kernel_.Exec(super, "/usr/bin/tcpserver");
    kernel_.Listen(super);
    const uint64_t socket = kernel_.Arrive();
    kernel_.Accept(super, socket, /*first_use=*/false);
    const ProcessKey server = kernel_.Fork(super);
    kernel_.at(server).sockets = {socket};
    kernel_.Exec(server, "/usr/sbin/tinysshd", FakeKernel::All(kernel_.Tcp(socket)));
    return server;
  }
};

// A module of PAM may map the account that the client has named.
TEST_F(LoginUserTest, OtherUserThanTheAccount_IsTheSessionsUser) {
  const ProcessKey monitor = ServeLogin();
  kernel_.Pam(monitor, decode::PamStep::kAuthenticate, "root", 0);
  kernel_.Pam(monitor, decode::PamStep::kOpenSession, "root");
  EXPECT_EQ(Reported(monitor).user, "root") << "the account, until a process shows its user";
  const ProcessKey shell = kernel_.Fork(monitor);
  kernel_.SetUid(shell, 1000);
  kernel_.Exec(shell, "/bin/bash", Terminal());
  EXPECT_EQ(Reported(monitor).uid, 1000u);
  EXPECT_EQ(Reported(monitor).user, "staff");
  EXPECT_EQ(Reported(monitor).authentication.user, "root");
  // sshd's message may come late. It changes the account, not the user.
  kernel_.Say(monitor, FakeKernel::AcceptedKey("toor"));
  EXPECT_EQ(Reported(monitor).user, "staff");
  EXPECT_EQ(Reported(monitor).authentication.user, "toor");
}

TEST_F(LoginUserTest, UserWithoutANameOnTheHost_IsTheAccount) {
  const ProcessKey monitor = ServeLogin();
  const ProcessKey child =
      kernel_.LogIn(monitor, "CORP\\\\ann", 70007, 7, FakeKernel::AcceptedKey("CORP\\\\ann"));
  kernel_.Exec(kernel_.Fork(child), "/bin/bash", Terminal());
  EXPECT_EQ(Reported(monitor).uid, 70007u);
  EXPECT_EQ(Reported(monitor).user, "CORP\\ann");
}

// The host's name for a uid is not the container's.
TEST_F(LoginUserTest, LoginIntoAContainer_IsByTheContainersAccount) {
  const ProcessKey sshd = kernel_.Fork(kernel_.init());
  kernel_.NewPidNamespace(sshd, 200);
  kernel_.Exec(sshd, "/usr/sbin/sshd");
  kernel_.Listen(sshd);
  const ProcessKey monitor = kernel_.Serve(sshd, kernel_.Arrive(), /*tier1=*/true);
  const ProcessKey child =
      kernel_.LogIn(monitor, "deploy", 1000, 7, FakeKernel::AcceptedKey("deploy"));
  kernel_.Exec(kernel_.Fork(child), "/bin/bash", Terminal());
  EXPECT_EQ(Reported(monitor).uid, 1000u);
  EXPECT_EQ(Reported(monitor).user, "deploy");
}

// OpenSSH starts sshd-auth before the login, which reads what the client sends.
TEST_F(LoginUserTest, HelperThatRunsAsNobodyBeforeTheLogin_IsNotTheUser) {
  const ProcessKey monitor = ServeLogin();
  const ProcessKey helper = kernel_.Fork(monitor);
  kernel_.SetUid(helper, 33);
  kernel_.Exec(helper, "/usr/sbin/sshd-auth", FakeKernel::All(FakeKernel::Of(StreamKind::kUnix)));
  EXPECT_FALSE(IsReported(monitor)) << "nobody has logged in yet";
  kernel_.Say(monitor, FakeKernel::AcceptedKey("staff"));
  const ProcessKey shell = kernel_.Fork(monitor);
  kernel_.SetUid(shell, 1000);
  kernel_.Exec(shell, "/bin/bash", Terminal());
  EXPECT_EQ(Reported(monitor).uid, 1000u);
  EXPECT_EQ(Reported(monitor).user, "staff");
}

// PAM's pam_motd and pam_exec run programs as root while they open the session.
TEST_F(LoginUserTest, RootsHelperAfterTheLogin_IsNotTheUser) {
  const ProcessKey monitor = ServeLogin();
  kernel_.Say(monitor, FakeKernel::AcceptedKey("staff"));
  kernel_.Exec(kernel_.Fork(monitor), "/bin/sh", FakeKernel::Null(),
               {"sh", "-c", "run-parts /etc/update-motd.d"});
  EXPECT_EQ(Reported(monitor).user, "staff");
  const ProcessKey shell = kernel_.Fork(monitor);
  kernel_.SetUid(shell, 33);
  kernel_.Exec(shell, "/bin/bash", Terminal());
  EXPECT_EQ(Reported(monitor).uid, 33u);
  EXPECT_EQ(Reported(monitor).user, "www-data");
}

// Two accounts may share root's uid. The shell then shows that root's uid is the user's.
TEST_F(LoginUserTest, OtherAccountWithRootsUid_IsRoot) {
  const ProcessKey monitor = ServeLogin();
  kernel_.Say(monitor, FakeKernel::AcceptedKey("toor"));
  const ProcessKey shell = kernel_.Fork(monitor);
  kernel_.Exec(shell, "/bin/bash", Terminal(), {"-bash"});
  const ProcessKey other = kernel_.Fork(shell);
  kernel_.SetUid(other, 1000);
  kernel_.Exec(other, "/bin/bash", Terminal(), {"-bash"});
  EXPECT_EQ(Reported(monitor).uid, 0u);
  EXPECT_EQ(Reported(monitor).user, "root");
  EXPECT_EQ(Reported(monitor).authentication.user, "toor");
}

TEST_F(LoginUserTest, LoginServerStartedOnTheConnection_RunsTheSessionAsItsShellsUser) {
  const ProcessKey server = ServeBySuperServer();
  EXPECT_EQ(Reported(server).user, "root") << "its own user, until a shell shows another one";
  const ProcessKey shell = kernel_.Fork(server);
  kernel_.SetUid(shell, 1000);
  kernel_.Exec(shell, "/bin/bash", Terminal(), {"-bash"});
  EXPECT_EQ(Reported(server).uid, 1000u);
  EXPECT_EQ(Reported(server).user, "staff");
}

TEST_F(LoginUserTest, RootWhoBecomesAnotherUser_StaysRoot) {
  const ProcessKey server = ServeBySuperServer();
  const ProcessKey shell = kernel_.Fork(server);
  kernel_.Exec(shell, "/bin/bash", Terminal(), {"-bash"});
  const ProcessKey su = kernel_.Fork(shell);
  kernel_.Exec(su, "/bin/su", Terminal(), {"su", "-", "staff"});
  const ProcessKey other = kernel_.Fork(su);
  kernel_.SetUid(other, 1000);
  kernel_.Exec(other, "/bin/bash", Terminal(), {"-bash"});
  EXPECT_EQ(Reported(server).uid, 0u);
  EXPECT_EQ(Reported(server).user, "root");
}

}  // namespace
}  // namespace hoptrail::agent::session
