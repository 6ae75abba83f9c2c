#include "agent/session/correlator.h"

#include <cstdint>
#include <memory>
#include <utility>

#include "agent/session/correlator_fixture.h"

namespace hoptrail::agent::session {
namespace {

using decode::StreamKind;
using model::EntryKind;
using model::HopSide;

TEST_F(CorrelatorFixture, ScriptOfAServerThatCallsSudo_IsNoLogin) {
  const ProcessKey server = kernel_.Fork(kernel_.init());
  kernel_.Exec(server, "/usr/bin/node");
  kernel_.Listen(server, 80);
  const uint64_t socket = kernel_.Arrive(
      {FakeKernel::Address("198.51.100.9", 3000), FakeKernel::Address("192.0.2.1", 80)});
  kernel_.Accept(server, socket, false);
  const ProcessKey script = kernel_.Fork(server);
  kernel_.Exec(script, "/usr/bin/sudo", FakeKernel::All(FakeKernel::Of(StreamKind::kPipe)));
  kernel_.Pam(script, decode::PamStep::kAuthenticate, "root", 0, "sudo");
  kernel_.Pam(script, decode::PamStep::kOpenSession, "root", 0, "sudo");
  EXPECT_EQ(correlator_->SessionOf(script), Id(server));
  EXPECT_EQ(CountOf(EntryKind::kRemote), 0u);
}

TEST_F(CorrelatorFixture, PreforkServer_KeepsItsSession) {
  const ProcessKey server = kernel_.Fork(kernel_.init());
  kernel_.Exec(server, "/usr/sbin/apache2");
  kernel_.Listen(server, 80);
  const ProcessKey worker = kernel_.Fork(server);
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
  const ProcessKey helper = kernel_.Fork(worker);
  kernel_.Exec(helper, "/usr/bin/convert", FakeKernel::All(FakeKernel::Of(StreamKind::kPipe)));
  EXPECT_EQ(CountOf(EntryKind::kRemote), 0u);
}

TEST_F(CorrelatorFixture, ShellOnAnAcceptedSocket_IsARemoteSession) {
  const ProcessKey netcat = kernel_.Fork(kernel_.init());
  kernel_.Exec(netcat, "/usr/bin/ncat");
  kernel_.Listen(netcat, 4444);
  const uint64_t socket = kernel_.Arrive(
      {FakeKernel::Address("198.51.100.9", 3000), FakeKernel::Address("192.0.2.1", 4444)});
  kernel_.Accept(netcat, socket, false);
  const ProcessKey shell = kernel_.Fork(netcat);
  kernel_.Exec(shell, "/bin/bash", FakeKernel::All(kernel_.Tcp(socket)));
  EXPECT_EQ(Reported(shell).kind, EntryKind::kRemote);
  EXPECT_TRUE(Reported(shell).logged_in);
  EXPECT_EQ(Reported(shell).user, "root");
  EXPECT_TRUE(attempts_.empty());
  ASSERT_EQ(Hops(HopSide::kServer).size(), 1u);
  EXPECT_TRUE(Hops(HopSide::kServer)[0].opened_session);
  kernel_.Connect(shell, "192.0.2.2", 8080);  // any port, from a remote session
  EXPECT_EQ(Hops(HopSide::kClient).size(), 1u);
}

TEST_F(CorrelatorFixture, CredentialsChange_SetsTheCredentialsAfterTheChange) {
  const ProcessKey job = kernel_.Fork(kernel_.init());
  kernel_.Exec(job, "/usr/sbin/jobd");
  decode::Header header;
  header.process = job;
  decode::CredentialsChange change{.change = decode::Change::kMade};
  change.after.ids.euid = 1000;
  change.after.ids.audit_session = 9;
  kernel_.Emit(header, change);
  // A process of a service that gets an audit session begins a session of its own.
  EXPECT_EQ(Reported(job).audit_session, 9u);
}

TEST_F(CorrelatorFixture, ReusedPid_IsAnotherProcess) {
  const ProcessKey sshd = kernel_.StartSshd();
  const ProcessKey monitor = kernel_.Serve(sshd, kernel_.Arrive(), true);
  const ProcessKey child =
      kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  const ProcessKey old = kernel_.Fork(child, 500);
  correlator_->Handle({{.boot_ns = clock_.BootNs(), .process = old}, decode::Exit{}});
  const ProcessKey service = kernel_.Fork(kernel_.init(), 500);
  kernel_.Exec(service, "/usr/sbin/ntpd");
  kernel_.Connect(service, "192.0.2.2", 22);
  EXPECT_EQ(correlator_->SessionOf(old), Id(monitor));
  EXPECT_EQ(correlator_->SessionOf(service), Id(service));
  EXPECT_EQ(Hops(HopSide::kClient).at(0).session, Id(service));
}

TEST_F(CorrelatorFixture, ConsoleLoginCronJobAndContainer_BeginSessions) {
  const ProcessKey getty = kernel_.Fork(kernel_.init());
  kernel_.Exec(getty, "/sbin/agetty");
  kernel_.Exec(getty, "/bin/login");
  kernel_.SetAudit(getty, 1000, 3);
  kernel_.Pam(getty, decode::PamStep::kOpenSession, "staff", 0, "login");
  EXPECT_EQ(Reported(getty).kind, EntryKind::kConsole);
  EXPECT_EQ(Reported(getty).user, "staff");
  EXPECT_EQ(Reported(getty).audit_session, 3u);

  const ProcessKey cron = kernel_.Fork(kernel_.init());
  kernel_.Exec(cron, "/usr/sbin/cron");
  const ProcessKey job = kernel_.Fork(cron);
  kernel_.SetAudit(job, 0, 4);
  kernel_.Pam(job, decode::PamStep::kOpenSession, "root", 0, "cron");
  const ProcessKey script = kernel_.Fork(job);
  kernel_.Exec(script, "/bin/sh");
  EXPECT_EQ(Reported(job).kind, EntryKind::kCron);
  EXPECT_EQ(Reported(job).user, "root");
  EXPECT_EQ(correlator_->SessionOf(script), Id(job));
  EXPECT_EQ(Reported(cron).kind, EntryKind::kService);

  const ProcessKey shim = kernel_.Fork(kernel_.init());
  kernel_.Exec(shim, "/usr/bin/containerd-shim");
  const ProcessKey contained = kernel_.Fork(shim);
  kernel_.at(contained).namespaces.pid = 555;
  kernel_.Exec(contained, "/app");
  const ProcessKey second = kernel_.Fork(contained);
  kernel_.Exec(second, "/bin/sh");
  EXPECT_EQ(Reported(contained).kind, EntryKind::kContainer);
  EXPECT_EQ(correlator_->SessionOf(second), Id(contained));
  EXPECT_EQ(correlator_->SessionOf(shim), Id(shim));
}

TEST_F(CorrelatorFixture, Edges_AreReportedWhenTheirMinuteIsOver) {
  const ProcessKey service = kernel_.Fork(kernel_.init());
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

TEST_F(CorrelatorFixture, FloodOfConnections_IsBoundedAndReportedAsLoss) {
  Correlator::Options options;
  options.host = host_;
  options.clock = &clock_;
  options.max_connections = 100;
  options.max_edges = 10;
  options.processes.max_processes = 50;
  correlator_ = std::make_unique<Correlator>(std::move(options), this);
  const ProcessKey service = kernel_.Fork(kernel_.init());
  for (uint16_t i = 1; i < 500; ++i) {
    kernel_.Connect(service, "192.0.2.50", 1000 + i);
    kernel_.Fork(service);
  }
  clock_.AdvanceNs(60'000'000'000);
  correlator_->Tick();
  EXPECT_EQ(correlator_->connection_count(), 100u);
  EXPECT_EQ(correlator_->process_count(), 50u);
  EXPECT_FALSE(losses_.empty());
  uint64_t connections = 0;
  for (const model::EdgeCount& edge : edges_) connections += edge.connections;
  EXPECT_EQ(connections, 100u);
}

TEST_F(CorrelatorFixture, SessionThatScans_IsLimitedExceptForWatchedPorts) {
  Correlator::Options options;
  options.host = host_;
  options.clock = &clock_;
  options.host_pid_namespace = 100;
  options.max_hops_per_minute = 10;
  correlator_ = std::make_unique<Correlator>(std::move(options), this);
  const ProcessKey sshd = kernel_.StartSshd();
  const ProcessKey monitor = kernel_.Serve(sshd, kernel_.Arrive(), true);
  kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  const ProcessKey shell = kernel_.Fork(monitor);
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

TEST_F(CorrelatorFixture, LossInTheKernel_IsReported) {
  kernel_.Emit({.cpu = 3}, decode::Lost{"ring/high", "exec", 5});
  ASSERT_EQ(losses_.size(), 1u);
  EXPECT_EQ(losses_[0].where, "ring/high");
  EXPECT_EQ(losses_[0].cpu, 3u);
  EXPECT_EQ(losses_[0].count, 5u);
}

}  // namespace
}  // namespace hoptrail::agent::session
