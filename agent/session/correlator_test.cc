#include "agent/session/correlator.h"

#include "agent/session/correlator_fixture.h"

namespace hoptrail::agent::session {
namespace {

using decode::StreamKind;
using model::EntryKind;
using model::HopSide;

// Every story is told once under each tier of the accept hook.
class LoginTest : public CorrelatorFixture, public testing::WithParamInterface<bool> {
 protected:
  bool tier1() const { return GetParam(); }
};

INSTANTIATE_TEST_SUITE_P(Tiers, LoginTest, testing::Bool(), [](const auto& info) {
  return std::string(info.param ? "Accept" : "FirstUse");
});

TEST_P(LoginTest, AKeyLoginIsASession) {
  const Name sshd = kernel_.StartSshd();
  const uint64_t socket = kernel_.Arrive();
  const Name monitor = kernel_.Serve(sshd, socket, tier1());
  EXPECT_FALSE(IsTold(monitor));
  EXPECT_EQ(hops_.size(), 0u);
  const Name child = kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  const Name shell = kernel_.Fork(child);
  kernel_.Exec(shell, "/bin/bash", FakeKernel::All(FakeKernel::Of(StreamKind::kTerminal)));

  const model::Session session = Told(monitor);
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
  EXPECT_FALSE(session.entry->hop_name.empty());
  EXPECT_TRUE(session.caused_by.empty());
  EXPECT_EQ(CountOf(EntryKind::kRemote), 1u);

  ASSERT_EQ(Hops(HopSide::kServer).size(), 1u);
  EXPECT_EQ(Hops(HopSide::kServer)[0].session, session.id);
  EXPECT_TRUE(Hops(HopSide::kServer)[0].opened_session);
  EXPECT_EQ(Hops(HopSide::kServer)[0].name, session.entry->hop_name);

  ASSERT_EQ(attempts_.size(), 1u);
  EXPECT_TRUE(attempts_[0].succeeded);
  EXPECT_EQ(attempts_[0].method, model::AuthMethod::kPublicKey);
  EXPECT_EQ(attempts_[0].origin, session.entry->flow.client);
}

TEST_P(LoginTest, FailuresAreAttemptsAndNoSession) {
  const Name sshd = kernel_.StartSshd();
  const uint64_t socket = kernel_.Arrive();
  const Name monitor = kernel_.Serve(sshd, socket, tier1());
  for (int i = 0; i < 3; ++i) {
    // PAM and sshd tell of the same one.
    kernel_.Pam(monitor, decode::PamStep::kAuthenticate, "staff", 7);
    kernel_.Say(monitor, "Failed password for staff from 198.51.100.9 port 40000 ssh2");
  }
  // sshd alone tells of this one, and of this nobody should.
  kernel_.Say(monitor, "Failed publickey for staff from 198.51.100.9 port 40000 ssh2");
  kernel_.Say(monitor, "Failed none for staff from 198.51.100.9 port 40000 ssh2");
  // Another's line, a claim: neither counts.
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
  EXPECT_FALSE(IsTold(monitor));
  EXPECT_EQ(CountOf(EntryKind::kRemote), 0u);
  ASSERT_EQ(hops_.size(), 1u);  // the port is watched: the connection itself is told, once
  EXPECT_TRUE(hops_[0].session.empty());
  EXPECT_FALSE(hops_[0].opened_session);
  EXPECT_EQ(hops_[0].bytes_received, 2000u);
  EXPECT_TRUE(store_.sessions.empty());
  EXPECT_TRUE(store_.members.empty());
  EXPECT_TRUE(store_.hops.empty());
}

TEST_P(LoginTest, TwoAtOnceDoNotMix) {
  const Name sshd = kernel_.StartSshd();
  const uint64_t first = kernel_.Arrive(40001, "198.51.100.1");
  const uint64_t second = kernel_.Arrive(40002, "198.51.100.2");
  const Name a = kernel_.Serve(sshd, first, tier1());
  const Name b = kernel_.Serve(sshd, second, tier1());
  const Name b_child =
      kernel_.LogIn(b, "root", 0, 8, FakeKernel::AcceptedKey("root", 40002, "198.51.100.2"));
  const Name a_child =
      kernel_.LogIn(a, "staff", 1000, 7, FakeKernel::AcceptedKey("staff", 40001, "198.51.100.1"));
  EXPECT_EQ(Told(a).user, "staff");
  EXPECT_EQ(Told(a).entry->flow.client.port, 40001);
  EXPECT_EQ(Told(b).user, "root");
  EXPECT_EQ(Told(b).uid, 0u);
  EXPECT_EQ(Told(b).entry->flow.client.port, 40002);
  kernel_.Connect(a_child, "192.0.2.2", 22);
  kernel_.Connect(b_child, "192.0.2.3", 22);
  const auto hops = Hops(HopSide::kClient);
  ASSERT_EQ(hops.size(), 2u);
  EXPECT_EQ(hops[0].session, Id(a));
  EXPECT_EQ(hops[0].user, "staff");
  EXPECT_EQ(hops[1].session, Id(b));
  EXPECT_EQ(hops[1].user, "root");
}

TEST_P(LoginTest, ACommandWithoutATerminalIsALogin) {
  const Name sshd = kernel_.StartSshd();
  const Name monitor = kernel_.Serve(sshd, kernel_.Arrive(), tier1());
  const Name child = kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  const Name sftp = kernel_.Fork(child);
  kernel_.Exec(sftp, "/usr/lib/openssh/sftp-server",
               FakeKernel::All(FakeKernel::Of(StreamKind::kUnix)));
  EXPECT_TRUE(Told(monitor).logged_in);
  EXPECT_EQ(Told(monitor).terminal, "");
  EXPECT_EQ(correlator_->SessionOf(sftp), Id(monitor));
}

TEST_P(LoginTest, ASurvivorKeepsTheSessionOpen) {
  const Name sshd = kernel_.StartSshd();
  const uint64_t socket = kernel_.Arrive();
  const Name monitor = kernel_.Serve(sshd, socket, tier1());
  const Name child = kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  const Name shell = kernel_.Fork(child);
  const Name survivor = kernel_.Fork(shell);
  kernel_.Exec(survivor, "/usr/bin/sleep");
  kernel_.Exit(shell);
  kernel_.Pam(monitor, decode::PamStep::kCloseSession, "staff");
  kernel_.Exit(child);
  kernel_.Close(socket);
  kernel_.Exit(monitor);
  EXPECT_NE(Told(monitor).login_ended_wall_ns, 0);
  EXPECT_EQ(Told(monitor).closed_wall_ns, 0);

  const Name ssh = kernel_.Fork(survivor);
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
  kernel_.Close(onward);  // after its owner: still the same, whole
  const model::HopEnd closed = Hops(HopSide::kClient).back();
  EXPECT_EQ(closed.session, hop.session);
  EXPECT_EQ(closed.program, hop.program);
  EXPECT_EQ(closed.bytes_sent, 1000u);
  EXPECT_NE(closed.closed_wall_ns, 0);
  kernel_.Exit(survivor);
  EXPECT_NE(Told(monitor).closed_wall_ns, 0);
  EXPECT_TRUE(store_.sessions.empty());
}

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
  // Accept, fork and exec of the monitor are lost; its label is not.
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

TEST_P(LoginTest, AForwardingThatListensLetsNobodyIn) {
  const Name sshd = kernel_.StartSshd();
  const Name monitor = kernel_.Serve(sshd, kernel_.Arrive(), tier1());
  const Name child = kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
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
  const Name shell = kernel_.Fork(child);
  kernel_.Accept(shell, forwarded, true);
  EXPECT_EQ(correlator_->SessionOf(shell), Id(monitor));
  EXPECT_EQ(CountOf(EntryKind::kRemote), 1u);
}

TEST_F(CorrelatorFixture, AServersScriptThatCallsSudoIsNoLogin) {
  const Name server = kernel_.Fork(kernel_.init());
  kernel_.Exec(server, "/usr/bin/node");
  kernel_.Listen(server, 80);
  const uint64_t socket = kernel_.Arrive(
      {FakeKernel::Address("198.51.100.9", 3000), FakeKernel::Address("192.0.2.1", 80)});
  kernel_.Accept(server, socket, false);
  const Name script = kernel_.Fork(server);
  kernel_.Exec(script, "/usr/bin/sudo", FakeKernel::All(FakeKernel::Of(StreamKind::kPipe)));
  kernel_.Pam(script, decode::PamStep::kAuthenticate, "root", 0, "sudo");
  kernel_.Pam(script, decode::PamStep::kOpenSession, "root", 0, "sudo");
  EXPECT_EQ(correlator_->SessionOf(script), Id(server));
  EXPECT_EQ(CountOf(EntryKind::kRemote), 0u);
}

TEST_P(LoginTest, WithoutWitnessesTheKernelsFactsSuffice) {
  const Name sshd = kernel_.StartSshd();
  const Name monitor = kernel_.Serve(sshd, kernel_.Arrive(), tier1());
  kernel_.SetAudit(monitor, 1000, 7);
  kernel_.Fork(monitor);
  EXPECT_TRUE(Told(monitor).logged_in);
  EXPECT_EQ(Told(monitor).user, "staff");
  EXPECT_EQ(attempts_.size(), 1u);
}

TEST_P(LoginTest, TheSplitServerIsNoForeignProgram) {
  const Name sshd = kernel_.StartSshd();
  const uint64_t socket = kernel_.Arrive();
  if (tier1()) kernel_.Accept(sshd, socket, false);
  const Name monitor = kernel_.Fork(sshd);
  kernel_.Exec(monitor, "/usr/lib/openssh/sshd-session",
               {kernel_.Tcp(socket), kernel_.Tcp(socket), FakeKernel::Of(StreamKind::kFile)});
  const Name auth = kernel_.Fork(monitor);
  kernel_.Exec(auth, "/usr/lib/openssh/sshd-auth",
               FakeKernel::All(FakeKernel::Of(StreamKind::kUnix)));
  if (!tier1()) kernel_.Accept(auth, socket, true);
  EXPECT_FALSE(IsTold(monitor));
  kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  EXPECT_TRUE(Told(monitor).logged_in);
  EXPECT_EQ(Told(monitor).program, "/usr/lib/openssh/sshd-session");
}

TEST_P(LoginTest, AShellBeforeTheLoginIsRevealed) {
  const Name sshd = kernel_.StartSshd();
  const Name monitor = kernel_.Serve(sshd, kernel_.Arrive(), tier1());
  const Name helper = kernel_.Fork(monitor);
  auto streams = FakeKernel::Null();
  streams[1] = FakeKernel::Of(StreamKind::kPipe);
  kernel_.Exec(helper, "/usr/bin/sss_ssh_authorizedkeys", streams);
  EXPECT_FALSE(IsTold(monitor));
  const Name shell = kernel_.Fork(monitor);
  kernel_.Exec(shell, "/bin/sh");
  EXPECT_TRUE(IsTold(monitor));
  EXPECT_FALSE(Told(monitor).logged_in);
}

TEST_P(LoginTest, AFakeProgramCannotRewriteTheLogin) {
  const Name sshd = kernel_.StartSshd();
  const Name monitor = kernel_.Serve(sshd, kernel_.Arrive(), tier1());
  const Name child = kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  const Name logger = kernel_.Fork(child);
  kernel_.Exec(logger, "/usr/bin/logger");
  kernel_.Say(logger, FakeKernel::AcceptedKey("root"));
  kernel_.Pam(logger, decode::PamStep::kCloseSession, "staff");
  EXPECT_EQ(Told(monitor).user, "staff");
  EXPECT_EQ(Told(monitor).login_ended_wall_ns, 0);
}

TEST_F(CorrelatorFixture, APreforkServerKeepsItsSession) {
  const Name server = kernel_.Fork(kernel_.init());
  kernel_.Exec(server, "/usr/sbin/apache2");
  kernel_.Listen(server, 80);
  const Name worker = kernel_.Fork(server);
  for (uint16_t i = 0; i < 3; ++i) {
    const uint64_t socket = kernel_.Arrive(
        {FakeKernel::Address("198.51.100.9", 3000 + i), FakeKernel::Address("192.0.2.1", 80)});
    kernel_.Accept(worker, socket, true);
    kernel_.Connect(worker, "192.0.2.50", 5432);
    kernel_.Close(socket);
  }
  EXPECT_EQ(correlator_->SessionOf(worker), Id(server));
  EXPECT_EQ(CountOf(EntryKind::kRemote), 0u);
  EXPECT_TRUE(hops_.empty());  // neither port is watched
  // A helper that it starts afterwards is no login either.
  const Name helper = kernel_.Fork(worker);
  kernel_.Exec(helper, "/usr/bin/convert", FakeKernel::All(FakeKernel::Of(StreamKind::kPipe)));
  EXPECT_EQ(CountOf(EntryKind::kRemote), 0u);
}

TEST_F(CorrelatorFixture, AShellOnAnAcceptedSocketIsARemoteSession) {
  const Name netcat = kernel_.Fork(kernel_.init());
  kernel_.Exec(netcat, "/usr/bin/ncat");
  kernel_.Listen(netcat, 4444);
  const uint64_t socket = kernel_.Arrive(
      {FakeKernel::Address("198.51.100.9", 3000), FakeKernel::Address("192.0.2.1", 4444)});
  kernel_.Accept(netcat, socket, false);
  const Name shell = kernel_.Fork(netcat);
  kernel_.Exec(shell, "/bin/bash", FakeKernel::All(kernel_.Tcp(socket)));
  EXPECT_EQ(Told(shell).kind, EntryKind::kRemote);
  EXPECT_TRUE(Told(shell).logged_in);
  EXPECT_EQ(Told(shell).user, "root");
  EXPECT_TRUE(attempts_.empty());
  ASSERT_EQ(Hops(HopSide::kServer).size(), 1u);
  EXPECT_TRUE(Hops(HopSide::kServer)[0].opened_session);
  kernel_.Connect(shell, "192.0.2.2", 8080);  // any port, from a remote session
  EXPECT_EQ(Hops(HopSide::kClient).size(), 1u);
}

TEST_F(CorrelatorFixture, AChangeOfCredentialsIsKeptAsItIsAfterwards) {
  const Name job = kernel_.Fork(kernel_.init());
  kernel_.Exec(job, "/usr/sbin/jobd");
  decode::Header header;
  header.process = job;
  decode::CredentialsChange change{.change = decode::Change::kMade};
  change.after.ids.euid = 1000;
  change.after.ids.audit_session = 9;
  kernel_.Emit(header, change);
  // Whoever is given an audit session has a session of its own from then on.
  EXPECT_EQ(Told(job).audit_session, 9u);
}

TEST_F(CorrelatorFixture, AReusedPidIsAnotherProcess) {
  const Name sshd = kernel_.StartSshd();
  const Name monitor = kernel_.Serve(sshd, kernel_.Arrive(), true);
  const Name child = kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  const Name old = kernel_.Fork(child, 500);
  correlator_->Handle({{.boot_ns = clock_.BootNs(), .process = old}, decode::Exit{}});
  const Name service = kernel_.Fork(kernel_.init(), 500);
  kernel_.Exec(service, "/usr/sbin/ntpd");
  kernel_.Connect(service, "192.0.2.2", 22);
  EXPECT_EQ(correlator_->SessionOf(old), Id(monitor));
  EXPECT_EQ(correlator_->SessionOf(service), Id(service));
  EXPECT_EQ(Hops(HopSide::kClient).at(0).session, Id(service));
}

TEST_F(CorrelatorFixture, ConsoleCronAndContainers) {
  const Name getty = kernel_.Fork(kernel_.init());
  kernel_.Exec(getty, "/sbin/agetty");
  kernel_.Exec(getty, "/bin/login");
  kernel_.SetAudit(getty, 1000, 3);
  kernel_.Pam(getty, decode::PamStep::kOpenSession, "staff", 0, "login");
  EXPECT_EQ(Told(getty).kind, EntryKind::kConsole);
  EXPECT_EQ(Told(getty).user, "staff");
  EXPECT_EQ(Told(getty).audit_session, 3u);

  const Name cron = kernel_.Fork(kernel_.init());
  kernel_.Exec(cron, "/usr/sbin/cron");
  const Name job = kernel_.Fork(cron);
  kernel_.SetAudit(job, 0, 4);
  kernel_.Pam(job, decode::PamStep::kOpenSession, "root", 0, "cron");
  const Name script = kernel_.Fork(job);
  kernel_.Exec(script, "/bin/sh");
  EXPECT_EQ(Told(job).kind, EntryKind::kCron);
  EXPECT_EQ(Told(job).user, "root");
  EXPECT_EQ(correlator_->SessionOf(script), Id(job));
  EXPECT_EQ(Told(cron).kind, EntryKind::kService);

  const Name shim = kernel_.Fork(kernel_.init());
  kernel_.Exec(shim, "/usr/bin/containerd-shim");
  const Name contained = kernel_.Fork(shim);
  kernel_.at(contained).namespaces.pid = 555;
  kernel_.Exec(contained, "/app");
  const Name second = kernel_.Fork(contained);
  kernel_.Exec(second, "/bin/sh");
  EXPECT_EQ(Told(contained).kind, EntryKind::kContainer);
  EXPECT_EQ(correlator_->SessionOf(second), Id(contained));
  EXPECT_EQ(correlator_->SessionOf(shim), Id(shim));
}

TEST_F(CorrelatorFixture, EdgesAreCountedByTheMinute) {
  const Name service = kernel_.Fork(kernel_.init());
  kernel_.Exec(service, "/usr/bin/app");
  for (int i = 0; i < 3; ++i) kernel_.Close(kernel_.Connect(service, "192.0.2.50", 5432));
  EXPECT_TRUE(hops_.empty());
  correlator_->Tick();
  EXPECT_TRUE(edges_.empty());
  clock_.AdvanceNs(60'000'000'000);
  correlator_->Tick();
  ASSERT_EQ(edges_.size(), 1u);
  EXPECT_EQ(edges_[0].connections, 3u);
  EXPECT_EQ(edges_[0].bytes_sent, 3000u);
  EXPECT_EQ(edges_[0].program, "/usr/bin/app");
  EXPECT_EQ(edges_[0].server_port, 5432);
  correlator_->Tick();
  EXPECT_EQ(edges_.size(), 1u);
}

TEST_F(CorrelatorFixture, AFloodOfConnectionsIsBoundedAndTold) {
  Correlator::Options options;
  options.host = host_;
  options.clock = &clock_;
  options.max_connections = 100;
  options.max_edges = 10;
  options.processes.max_processes = 50;
  correlator_ = std::make_unique<Correlator>(std::move(options), this);
  const Name service = kernel_.Fork(kernel_.init());
  for (uint16_t i = 1; i < 500; ++i) {
    kernel_.Connect(service, "192.0.2.50", 1000 + i);
    kernel_.Fork(service);
  }
  clock_.AdvanceNs(60'000'000'000);
  correlator_->Tick();
  EXPECT_LE(correlator_->connection_count(), 100u);
  EXPECT_LE(correlator_->process_count(), 50u);
  EXPECT_FALSE(losses_.empty());
  uint64_t connections = 0;
  for (const model::EdgeCount& edge : edges_) connections += edge.connections;
  EXPECT_EQ(connections, 100u);
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

TEST_F(CorrelatorFixture, ASessionThatConnectsToEverythingLeavesRoomForItsHops) {
  Correlator::Options options;
  options.host = host_;
  options.clock = &clock_;
  options.host_pid_namespace = 100;
  options.max_hops_per_minute = 10;
  correlator_ = std::make_unique<Correlator>(std::move(options), this);
  const Name sshd = kernel_.StartSshd();
  const Name monitor = kernel_.Serve(sshd, kernel_.Arrive(), true);
  kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  const Name shell = kernel_.Fork(monitor);
  for (uint16_t port = 1000; port < 1050; ++port) {
    kernel_.Close(kernel_.Connect(shell, "192.0.2.50", port));
  }
  EXPECT_EQ(Hops(model::HopSide::kClient).size(), 20u);  // established and closed, ten times
  kernel_.Connect(shell, "192.0.2.50", 22);
  EXPECT_EQ(Hops(model::HopSide::kClient).size(), 21u);
  correlator_->Tick();
  ASSERT_EQ(losses_.size(), 1u);
  EXPECT_EQ(losses_[0].where, "hops");
  EXPECT_EQ(losses_[0].count, 40u);
}

TEST_F(CorrelatorFixture, LossIsPassedOn) {
  kernel_.Emit({.cpu = 3}, decode::Lost{"ring/high", "exec", 5});
  ASSERT_EQ(losses_.size(), 1u);
  EXPECT_EQ(losses_[0].where, "ring/high");
  EXPECT_EQ(losses_[0].cpu, 3u);
  EXPECT_EQ(losses_[0].count, 5u);
}

}  // namespace
}  // namespace hoptrail::agent::session
