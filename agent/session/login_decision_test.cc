// Logins of servers that log nothing, or not to syslog: what they format shows method and key.

#include <string>

#include "gmock/gmock.h"

#include "agent/session/correlator_fixture.h"

namespace hoptrail::agent::session {
namespace {

using decode::LoginText;
using decode::StreamKind;
using model::AuthMethod;

constexpr char kFingerprint[] = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

class LoginDecisionTest : public CorrelatorFixture {
 protected:
  ProcessKey ServeLogin() {
    const ProcessKey sshd = kernel_.StartSshd();
    return kernel_.Serve(sshd, kernel_.Arrive(), /*tier1=*/true);
  }
  void RunShell(ProcessKey monitor) {
    const ProcessKey shell = kernel_.Fork(monitor);
    kernel_.SetUid(shell, 1000);
    kernel_.Exec(shell, "/bin/bash", FakeKernel::All(FakeKernel::Of(StreamKind::kTerminal)),
                 {"-bash"});
  }
};

TEST_F(LoginDecisionTest, QuietSshdWithPam_IsALoginByItsKey) {
  const ProcessKey monitor = ServeLogin();
  kernel_.Decide(monitor, "publickey", "ED25519", kFingerprint);
  kernel_.Pam(monitor, decode::PamStep::kOpenSession, "staff");
  const model::Session session = Reported(monitor);
  EXPECT_TRUE(session.logged_in);
  EXPECT_EQ(session.user, "staff");
  EXPECT_EQ(session.authentication.method, AuthMethod::kPublicKey);
  EXPECT_EQ(session.authentication.key_type, "ED25519");
  EXPECT_EQ(session.authentication.key_fingerprint, kFingerprint);
  EXPECT_TRUE(session.authentication.verified);
  ASSERT_EQ(attempts_.size(), 1u);
  EXPECT_EQ(attempts_[0].method, AuthMethod::kPublicKey);
}

TEST_F(LoginDecisionTest, QuietSshdWithoutPam_IsALoginAsItsShellsUser) {
  const ProcessKey monitor = ServeLogin();
  kernel_.Decide(monitor, "publickey", "ED25519", kFingerprint);
  EXPECT_FALSE(IsReported(monitor)) << "the method alone is no login";
  RunShell(monitor);
  EXPECT_EQ(Reported(monitor).user, "staff");
  EXPECT_EQ(Reported(monitor).authentication.method, AuthMethod::kPublicKey);
  ASSERT_EQ(attempts_.size(), 1u);
  EXPECT_EQ(attempts_[0].user, "staff");
}

TEST_F(LoginDecisionTest, PasswordAfterAKey_IsALoginByPassword) {
  const ProcessKey monitor = ServeLogin();
  kernel_.Decide(monitor, "publickey", "ED25519", kFingerprint);
  kernel_.Decide(monitor, "password");
  RunShell(monitor);
  EXPECT_EQ(Reported(monitor).authentication.method, AuthMethod::kPassword);
  EXPECT_EQ(Reported(monitor).authentication.key_fingerprint, "");
}

TEST_F(LoginDecisionTest, Certificate_HasItsId) {
  const ProcessKey monitor = ServeLogin();
  kernel_.Decide(monitor, "publickey", "ED25519-CERT", kFingerprint, "ann");
  RunShell(monitor);
  EXPECT_EQ(Reported(monitor).authentication.method, AuthMethod::kCertificate);
  EXPECT_EQ(Reported(monitor).authentication.certificate_id, "ann");
}

TEST_F(LoginDecisionTest, TextThatIsNoMethod_IsIgnored) {
  const ProcessKey monitor = ServeLogin();
  kernel_.Decide(monitor, "/home/staff/.ssh");
  RunShell(monitor);
  EXPECT_EQ(Reported(monitor).authentication.method, AuthMethod::kUnknown);
}

TEST_F(LoginDecisionTest, LineForStandardError_IsReadAsThatForSyslog) {
  const ProcessKey monitor = ServeLogin();
  kernel_.Format(monitor, LoginText::kStandardError, FakeKernel::AcceptedKey("staff") + "\r\n");
  EXPECT_EQ(Reported(monitor).user, "staff");
  EXPECT_EQ(Reported(monitor).authentication.method, AuthMethod::kPublicKey);
}

TEST_F(LoginDecisionTest, UsersOwnSshd_DoesNotChangeTheLogin) {
  const ProcessKey monitor = ServeLogin();
  kernel_.Pam(monitor, decode::PamStep::kOpenSession, "root");
  const ProcessKey shell = kernel_.Fork(monitor);
  kernel_.Exec(shell, "/bin/bash", FakeKernel::All(FakeKernel::Of(StreamKind::kTerminal)));
  kernel_.Decide(shell, "publickey", "ED25519", kFingerprint);
  EXPECT_EQ(Reported(monitor).authentication.method, AuthMethod::kUnknown);
}

TEST_F(LoginDecisionTest, LoginWithoutMethod_NamesItsServerUntilOneShowsIt) {
  RunShell(ServeLogin());
  EXPECT_THAT(correlator_->silent_servers().programs(), testing::ElementsAre("/usr/sbin/sshd"));
  const ProcessKey monitor = ServeLogin();
  kernel_.Decide(monitor, "password");
  RunShell(monitor);
  EXPECT_THAT(correlator_->silent_servers().programs(), testing::IsEmpty());
}

// It says nothing about what the agent would see now.
TEST_F(LoginDecisionTest, LoginBeforeTheAgentsStart_NamesNoServer) {
  Kill();
  const ProcessKey monitor = ServeLogin();
  RunShell(monitor);
  Restart();
  RunShell(monitor);
  EXPECT_TRUE(Reported(monitor).logged_in);
  EXPECT_THAT(correlator_->silent_servers().programs(), testing::IsEmpty());
}

TEST_F(LoginDecisionTest, DropbearsLine_IsALogin) {
  const ProcessKey dropbear = kernel_.Fork(kernel_.init());
  kernel_.Exec(dropbear, "/usr/sbin/dropbear");
  kernel_.Listen(dropbear);
  const uint64_t socket = kernel_.Arrive();
  kernel_.Accept(dropbear, socket, /*first_use=*/false);
  const ProcessKey server = kernel_.Fork(dropbear);
  kernel_.at(server).sockets = {socket};
  kernel_.Format(server, LoginText::kDropbear,
                 "Pubkey auth succeeded for 'staff' with ssh-ed25519 key "
                 "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA from 198.51.100.9:40000");
  const model::Session session = Reported(server);
  EXPECT_EQ(session.user, "staff");
  EXPECT_EQ(session.authentication.service, "dropbear");
  EXPECT_EQ(session.authentication.method, AuthMethod::kPublicKey);
  EXPECT_EQ(session.authentication.key_type, "ED25519");
}

}  // namespace
}  // namespace hoptrail::agent::session
