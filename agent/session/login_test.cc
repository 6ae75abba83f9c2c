#include <cstdint>
#include <string>

#include "agent/session/correlator_fixture.h"

namespace hoptrail::agent::session {
namespace {

using decode::StreamKind;
using model::EntryKind;
using model::HopSide;

INSTANTIATE_TEST_SUITE_P(Tiers, LoginTest, testing::Bool(), [](const auto& info) {
  return std::string(info.param ? "Accept" : "FirstUse");
});

TEST_P(LoginTest, LoginByPublicKey_IsASessionWithItsHopAndAttempt) {
  const ProcessKey sshd = kernel_.StartSshd();
  const uint64_t socket = kernel_.Arrive();
  const ProcessKey monitor = kernel_.Serve(sshd, socket, tier1());
  EXPECT_FALSE(IsReported(monitor));
  EXPECT_EQ(hops_.size(), 0u);
  const ProcessKey child =
      kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  const ProcessKey shell = kernel_.Fork(child);
  kernel_.Exec(shell, "/bin/bash", FakeKernel::All(FakeKernel::Of(StreamKind::kTerminal)));

  const model::Session session = Reported(monitor);
  EXPECT_EQ(session.kind, EntryKind::kRemote);
  EXPECT_TRUE(session.logged_in);
  EXPECT_EQ(session.user, "staff");
  EXPECT_EQ(session.uid, 1000u);
  EXPECT_EQ(session.audit_session, 7u);
  EXPECT_EQ(session.program, "/usr/sbin/sshd");
  EXPECT_EQ(session.terminal, "pts/3");
  EXPECT_EQ(session.authentication.method, model::AuthMethod::kPublicKey);
  EXPECT_EQ(session.authentication.key_type, "ED25519");
  EXPECT_TRUE(session.authentication.verified);
  ASSERT_TRUE(session.entry.has_value());
  EXPECT_EQ(model::ToString(session.entry->flow.client), "198.51.100.9:40000");
  EXPECT_FALSE(session.entry->hop_key.empty());
  EXPECT_TRUE(session.caused_by.empty());
  EXPECT_EQ(CountOf(EntryKind::kRemote), 1u);

  ASSERT_EQ(Hops(HopSide::kServer).size(), 1u);
  EXPECT_EQ(Hops(HopSide::kServer)[0].session, session.id);
  EXPECT_TRUE(Hops(HopSide::kServer)[0].opened_session);
  EXPECT_EQ(Hops(HopSide::kServer)[0].hop_key, session.entry->hop_key);

  ASSERT_EQ(attempts_.size(), 1u);
  EXPECT_TRUE(attempts_[0].succeeded);
  EXPECT_EQ(attempts_[0].method, model::AuthMethod::kPublicKey);
  EXPECT_EQ(attempts_[0].origin, session.entry->flow.client);
}

TEST_P(LoginTest, FailedLogins_AreAttemptsWithoutASession) {
  const ProcessKey sshd = kernel_.StartSshd();
  const uint64_t socket = kernel_.Arrive();
  const ProcessKey monitor = kernel_.Serve(sshd, socket, tier1());
  for (int i = 0; i < 3; ++i) {
    // PAM and sshd claim the same attempt.
    kernel_.Pam(monitor, decode::PamStep::kAuthenticate, "staff", 7);
    kernel_.Say(monitor, "Failed password for staff from 198.51.100.9 port 40000 ssh2");
  }
  // Only sshd claims the first one; the second one is no attempt.
  kernel_.Say(monitor, "Failed publickey for staff from 198.51.100.9 port 40000 ssh2");
  kernel_.Say(monitor, "Failed none for staff from 198.51.100.9 port 40000 ssh2");
  // A message for another connection and an unverified one do not count.
  kernel_.Say(monitor, "Failed password for staff from 203.0.113.5 port 1 ssh2");
  kernel_.Say(monitor, "Failed password for staff from 198.51.100.9 port 40000 ssh2", false);
  kernel_.Close(socket);
  kernel_.Exit(monitor);
  EXPECT_EQ(attempts_.size(), 4u);
  for (const model::LoginAttempt& attempt : attempts_) {
    EXPECT_FALSE(attempt.succeeded);
    EXPECT_EQ(attempt.user, "staff");
    EXPECT_EQ(attempt.session, Id(monitor));
    EXPECT_EQ(model::ToString(attempt.origin), "198.51.100.9:40000");
  }
  EXPECT_FALSE(IsReported(monitor));
  EXPECT_EQ(CountOf(EntryKind::kRemote), 0u);
  ASSERT_EQ(hops_.size(), 1u);  // the port is watched, so the connection is reported once
  EXPECT_TRUE(hops_[0].session.empty());
  EXPECT_FALSE(hops_[0].opened_session);
  EXPECT_EQ(hops_[0].bytes_received, 2000u);
  EXPECT_TRUE(store_.sessions.empty());
  EXPECT_TRUE(store_.members.empty());
  EXPECT_TRUE(store_.hops.empty());
}

TEST_P(LoginTest, TwoLoginsAtTheSameTime_AreKeptApart) {
  const ProcessKey sshd = kernel_.StartSshd();
  const uint64_t first = kernel_.Arrive(40001, "198.51.100.1");
  const uint64_t second = kernel_.Arrive(40002, "198.51.100.2");
  const ProcessKey a = kernel_.Serve(sshd, first, tier1());
  const ProcessKey b = kernel_.Serve(sshd, second, tier1());
  const ProcessKey b_child =
      kernel_.LogIn(b, "root", 0, 8, FakeKernel::AcceptedKey("root", 40002, "198.51.100.2"));
  const ProcessKey a_child =
      kernel_.LogIn(a, "staff", 1000, 7, FakeKernel::AcceptedKey("staff", 40001, "198.51.100.1"));
  EXPECT_EQ(Reported(a).user, "staff");
  EXPECT_EQ(Reported(a).entry->flow.client.port, 40001);
  EXPECT_EQ(Reported(b).user, "root");
  EXPECT_EQ(Reported(b).uid, 0u);
  EXPECT_EQ(Reported(b).entry->flow.client.port, 40002);
  kernel_.Connect(a_child, "192.0.2.2", 22);
  kernel_.Connect(b_child, "192.0.2.3", 22);
  const auto hops = Hops(HopSide::kClient);
  ASSERT_EQ(hops.size(), 2u);
  EXPECT_EQ(hops[0].session, Id(a));
  EXPECT_EQ(hops[0].user, "staff");
  EXPECT_EQ(hops[1].session, Id(b));
  EXPECT_EQ(hops[1].user, "root");
}

TEST_P(LoginTest, CommandWithoutATerminal_IsALogin) {
  const ProcessKey sshd = kernel_.StartSshd();
  const ProcessKey monitor = kernel_.Serve(sshd, kernel_.Arrive(), tier1());
  const ProcessKey child =
      kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  const ProcessKey sftp = kernel_.Fork(child);
  kernel_.Exec(sftp, "/usr/lib/openssh/sftp-server",
               FakeKernel::All(FakeKernel::Of(StreamKind::kUnix)));
  EXPECT_TRUE(Reported(monitor).logged_in);
  EXPECT_EQ(Reported(monitor).terminal, "");
  EXPECT_EQ(correlator_->SessionOf(sftp), Id(monitor));
}

TEST_P(LoginTest, ProcessThatOutlivesTheLogin_KeepsTheSessionOpen) {
  const ProcessKey sshd = kernel_.StartSshd();
  const uint64_t socket = kernel_.Arrive();
  const ProcessKey monitor = kernel_.Serve(sshd, socket, tier1());
  const ProcessKey child =
      kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  const ProcessKey shell = kernel_.Fork(child);
  const ProcessKey survivor = kernel_.Fork(shell);
  kernel_.Exec(survivor, "/usr/bin/sleep");
  kernel_.Exit(shell);
  kernel_.Pam(monitor, decode::PamStep::kCloseSession, "staff");
  kernel_.Exit(child);
  kernel_.Close(socket);
  kernel_.Exit(monitor);
  EXPECT_NE(Reported(monitor).login_ended_wall_ns, 0);
  EXPECT_EQ(Reported(monitor).closed_wall_ns, 0);

  const ProcessKey ssh = kernel_.Fork(survivor);
  kernel_.Exec(ssh, "/usr/bin/ssh");
  const uint64_t onward = kernel_.Connect(ssh, "192.0.2.2", 22);
  ASSERT_EQ(Hops(HopSide::kClient).size(), 1u);
  const model::HopEnd hop = Hops(HopSide::kClient)[0];
  EXPECT_EQ(hop.session, Id(monitor));
  EXPECT_EQ(hop.program, "/usr/bin/ssh");
  EXPECT_EQ(hop.process, ssh);
  EXPECT_EQ(hop.rtt_us, 250u);
  EXPECT_EQ(hop.closed_wall_ns, 0);
  kernel_.Exit(ssh);
  kernel_.Close(onward);  // after the exit of its owner
  const model::HopEnd closed = Hops(HopSide::kClient).back();
  EXPECT_EQ(closed.session, hop.session);
  EXPECT_EQ(closed.program, hop.program);
  EXPECT_EQ(closed.bytes_sent, 1000u);
  EXPECT_NE(closed.closed_wall_ns, 0);
  kernel_.Exit(survivor);
  EXPECT_NE(Reported(monitor).closed_wall_ns, 0);
  EXPECT_TRUE(store_.sessions.empty());
}

TEST_P(LoginTest, ForwardedPortOnLoopback_OpensNoSession) {
  const ProcessKey sshd = kernel_.StartSshd();
  const ProcessKey monitor = kernel_.Serve(sshd, kernel_.Arrive(), tier1());
  const ProcessKey child =
      kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  decode::Tcp listen;
  listen.phase = decode::TcpPhase::kListen;
  listen.flow.server = FakeKernel::Address("127.0.0.1", 6010);
  correlator_->Handle({{.boot_ns = clock_.BootNs(),
                        .process = child,
                        .parent = monitor,
                        .credentials = kernel_.at(child).credentials},
                       listen});
  const uint64_t forwarded = kernel_.Arrive(
      {FakeKernel::Address("127.0.0.1", 3000), FakeKernel::Address("127.0.0.1", 6010)});
  const ProcessKey shell = kernel_.Fork(child);
  kernel_.Accept(shell, forwarded, true);
  EXPECT_EQ(correlator_->SessionOf(shell), Id(monitor));
  EXPECT_EQ(CountOf(EntryKind::kRemote), 1u);
}

TEST_P(LoginTest, AuditSessionWithoutClaims_IsALogin) {
  const ProcessKey sshd = kernel_.StartSshd();
  const ProcessKey monitor = kernel_.Serve(sshd, kernel_.Arrive(), tier1());
  kernel_.SetAudit(monitor, 1000, 7);
  kernel_.Fork(monitor);
  EXPECT_TRUE(Reported(monitor).logged_in);
  EXPECT_EQ(Reported(monitor).user, "staff");
  EXPECT_EQ(attempts_.size(), 1u);
}

TEST_P(LoginTest, SshdSessionAndSshdAuth_AreNoLogin) {
  const ProcessKey sshd = kernel_.StartSshd();
  const uint64_t socket = kernel_.Arrive();
  if (tier1()) kernel_.Accept(sshd, socket, false);
  const ProcessKey monitor = kernel_.Fork(sshd);
  kernel_.Exec(monitor, "/usr/lib/openssh/sshd-session",
               {kernel_.Tcp(socket), kernel_.Tcp(socket), FakeKernel::Of(StreamKind::kFile)});
  const ProcessKey auth = kernel_.Fork(monitor);
  kernel_.Exec(auth, "/usr/lib/openssh/sshd-auth",
               FakeKernel::All(FakeKernel::Of(StreamKind::kUnix)));
  if (!tier1()) kernel_.Accept(auth, socket, true);
  EXPECT_FALSE(IsReported(monitor));
  kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  EXPECT_TRUE(Reported(monitor).logged_in);
  EXPECT_EQ(Reported(monitor).program, "/usr/lib/openssh/sshd-session");
}

TEST_P(LoginTest, ShellBeforeTheLogin_PromotesTheSession) {
  const ProcessKey sshd = kernel_.StartSshd();
  const ProcessKey monitor = kernel_.Serve(sshd, kernel_.Arrive(), tier1());
  const ProcessKey helper = kernel_.Fork(monitor);
  auto streams = FakeKernel::Null();
  streams[1] = FakeKernel::Of(StreamKind::kPipe);
  kernel_.Exec(helper, "/usr/bin/sss_ssh_authorizedkeys", streams);
  EXPECT_FALSE(IsReported(monitor));
  const ProcessKey shell = kernel_.Fork(monitor);
  kernel_.Exec(shell, "/bin/sh");
  EXPECT_TRUE(IsReported(monitor));
  EXPECT_FALSE(Reported(monitor).logged_in);
}

TEST_P(LoginTest, ClaimsOfTheUsersPrograms_DoNotChangeTheLogin) {
  const ProcessKey sshd = kernel_.StartSshd();
  const ProcessKey monitor = kernel_.Serve(sshd, kernel_.Arrive(), tier1());
  const ProcessKey child =
      kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  const ProcessKey logger = kernel_.Fork(child);
  kernel_.Exec(logger, "/usr/bin/logger");
  kernel_.Say(logger, FakeKernel::AcceptedKey("root"));
  kernel_.Pam(logger, decode::PamStep::kCloseSession, "staff");
  EXPECT_EQ(Reported(monitor).user, "staff");
  EXPECT_EQ(Reported(monitor).login_ended_wall_ns, 0);
}

}  // namespace
}  // namespace hoptrail::agent::session
