#include "agent/session/session_drivers.h"

#include <string>
#include <vector>

#include "agent/session/correlator_fixture.h"

namespace hoptrail::agent::session {
namespace {

using model::HopSide;

// Two people logged in by ssh: `victim_` with one shell, `other_` with another.
class SessionDriversTest : public CorrelatorFixture {
 protected:
  SessionDriversTest() {
    sshd_ = kernel_.StartSshd();
    victim_ = Login(40000, "198.51.100.9", 1000, 7);
    other_ = Login(40001, "198.51.100.66", 33, 8);
    hops_.clear();
  }

  ProcessKey Login(uint16_t port, const std::string& from, uint32_t uid, uint32_t audit_session) {
    const ProcessKey monitor = kernel_.Serve(sshd_, kernel_.Arrive(port, from), true);
    const std::string user = uid == 1000 ? "staff" : "www-data";
    const ProcessKey child =
        kernel_.LogIn(monitor, user, uid, audit_session, FakeKernel::AcceptedKey(user, port, from));
    kernel_.Exec(child, "/bin/bash");
    return child;
  }
  ProcessKey Run(ProcessKey parent, const std::string& program) {
    const ProcessKey process = kernel_.Fork(parent);
    kernel_.Exec(process, program);
    return process;
  }
  model::SessionId SessionOf(ProcessKey process) { return correlator_->SessionOf(process); }
  // The drivers in the last report of a connection that `process` opens now.
  model::Drivers DriversOfConnection(ProcessKey process) {
    kernel_.Connect(process, "192.0.2.50", 22);
    const auto hops = Hops(HopSide::kClient);
    EXPECT_FALSE(hops.empty());
    return hops.empty() ? model::Drivers() : hops.back().drivers;
  }

  ProcessKey sshd_, victim_, other_;
};

TEST_F(SessionDriversTest, TmuxClientOfAnotherSession_DrivesTheServersChildren) {
  const ProcessKey server = Run(victim_, "/usr/bin/tmux");
  const ProcessKey pane = Run(server, "/bin/bash");
  const ProcessKey client = Run(other_, "/usr/bin/tmux");
  kernel_.ConnectUnix(client, "/tmp/tmux-1000/default", server, 1000);
  const model::Drivers drivers = DriversOfConnection(Run(pane, "/usr/bin/ssh"));
  ASSERT_EQ(drivers.size(), 1u);
  EXPECT_EQ(drivers[0].session, SessionOf(other_));
  EXPECT_EQ(drivers[0].method, "tmux");
  EXPECT_NEAR(drivers[0].probability, 0.9, 0.001);
  // Processes of the same login that tmux has not started are its own person's.
  EXPECT_TRUE(DriversOfConnection(Run(victim_, "/usr/bin/ssh")).empty());
}

TEST_F(SessionDriversTest, TmuxWithItsOwnClientAttached_IsShared) {
  const ProcessKey first_client = Run(victim_, "/usr/bin/tmux");
  const ProcessKey server = kernel_.Fork(first_client);
  const ProcessKey pane = Run(server, "/bin/bash");
  const ProcessKey client = Run(other_, "/usr/bin/tmux");
  kernel_.ConnectUnix(client, "/tmp/tmux-1000/default", server, 1000);
  model::Drivers drivers = DriversOfConnection(Run(pane, "/usr/bin/ssh"));
  ASSERT_EQ(drivers.size(), 1u);
  EXPECT_NEAR(drivers[0].probability, 0.45, 0.001);
  kernel_.Exit(first_client);  // detached
  drivers = DriversOfConnection(Run(pane, "/usr/bin/ssh"));
  ASSERT_EQ(drivers.size(), 1u);
  EXPECT_NEAR(drivers[0].probability, 0.9, 0.001);
}

TEST_F(SessionDriversTest, ClientThatHasEnded_DrivesTwoSecondsMore) {
  const ProcessKey server = Run(victim_, "/usr/bin/tmux");
  const ProcessKey client = Run(other_, "/usr/bin/tmux");
  kernel_.ConnectUnix(client, "/tmp/tmux-1000/default", server, 1000);
  kernel_.Exit(client);
  clock_.AdvanceNs(1'000'000'000);
  EXPECT_EQ(DriversOfConnection(Run(server, "/usr/bin/ssh")).size(), 1u);
  clock_.AdvanceNs(2'000'000'000);
  EXPECT_TRUE(DriversOfConnection(Run(server, "/usr/bin/ssh")).empty());
}

TEST_F(SessionDriversTest, ClientThatConnectsLater_HasNotOpenedTheConnection) {
  const ProcessKey server = Run(victim_, "/usr/bin/tmux");
  const ProcessKey ssh = Run(server, "/usr/bin/ssh");
  const uint64_t socket = kernel_.Connect(ssh, "192.0.2.50", 22);
  const ProcessKey client = Run(other_, "/usr/bin/tmux");
  kernel_.ConnectUnix(client, "/tmp/tmux-1000/default", server, 1000);
  kernel_.Close(socket);
  ASSERT_FALSE(Hops(HopSide::kClient).empty());
  for (const model::HopEnd& hop : Hops(HopSide::kClient)) EXPECT_TRUE(hop.drivers.empty());
}

TEST_F(SessionDriversTest, MuxMasterUsedByAnotherSession_ReportsItsConnectionAgain) {
  const ProcessKey master = Run(victim_, "/usr/bin/ssh");
  const uint64_t socket = kernel_.Connect(master, "192.0.2.50", 22);
  // The master goes to the background after it has listened.
  const ProcessKey background = kernel_.Fork(master);
  kernel_.Exit(master);
  const size_t before = hops_.size();
  const ProcessKey client = Run(other_, "/usr/bin/ssh");
  kernel_.ConnectUnix(client, "/home/staff/.ssh/mux", {master.tgid, 0}, 1000);
  ASSERT_EQ(hops_.size(), before + 1);
  EXPECT_EQ(hops_.back().session, SessionOf(background));
  ASSERT_EQ(hops_.back().drivers.size(), 1u);
  EXPECT_EQ(hops_.back().drivers[0].session, SessionOf(other_));
  EXPECT_EQ(hops_.back().drivers[0].method, "ssh mux");
  EXPECT_NEAR(hops_.back().drivers[0].probability, 0.9, 0.001);
  // The close of the connection does not take back who has used it.
  kernel_.Exit(client);
  clock_.AdvanceNs(60'000'000'000);
  kernel_.Close(socket);
  EXPECT_EQ(hops_.back().drivers.size(), 1u);
  EXPECT_NE(hops_.back().closed_wall_ns, 0);
}

TEST_F(SessionDriversTest, MuxMasterThatEndedLongAgo_IsFoundByItsConnection) {
  const ProcessKey master = Run(victim_, "/usr/bin/ssh");
  kernel_.Connect(master, "192.0.2.50", 22);
  kernel_.Fork(master);
  kernel_.Exit(master);
  clock_.AdvanceNs(600'000'000'000);
  correlator_->Tick();
  hops_.clear();
  const ProcessKey client = Run(other_, "/usr/bin/ssh");
  kernel_.ConnectUnix(client, "/home/staff/.ssh/mux", {master.tgid, 0},
                      kernel_.at(victim_).credentials.euid);
  ASSERT_EQ(hops_.size(), 1u);
  ASSERT_EQ(hops_[0].drivers.size(), 1u);
  EXPECT_EQ(hops_[0].drivers[0].session, SessionOf(other_));
}

TEST_F(SessionDriversTest, RestartOfTheAgent_KeepsReportedDriversAndFindsTheMaster) {
  const ProcessKey master = Run(victim_, "/usr/bin/ssh");
  const uint64_t socket = kernel_.Connect(master, "192.0.2.50", 22);
  const ProcessKey background = kernel_.Fork(master);
  kernel_.at(background).sockets = kernel_.at(master).sockets;
  kernel_.Exit(master);
  kernel_.ConnectUnix(Run(other_, "/usr/bin/ssh"), "/mux", {master.tgid, 0}, 1000);
  ASSERT_EQ(hops_.back().drivers.size(), 1u);
  Kill();
  expect_sessions_first_ = false;  // the run before has reported them
  Restart();
  hops_.clear();
  const ProcessKey third = Login(40002, "198.51.100.67", 33, 9);
  kernel_.ConnectUnix(Run(third, "/usr/bin/ssh"), "/mux", {master.tgid, 0}, 1000);
  ASSERT_FALSE(Hops(HopSide::kClient).empty());
  EXPECT_EQ(Hops(HopSide::kClient).back().drivers.size(), 2u);
  kernel_.Close(socket);
  EXPECT_EQ(Hops(HopSide::kClient).back().drivers.size(), 2u);
}

TEST_F(SessionDriversTest, FloodOfMuxClients_IsHeldToABudgetThatReturns) {
  const ProcessKey master = Run(victim_, "/usr/bin/ssh");
  for (int i = 0; i < 1'000; ++i) {
    kernel_.ConnectUnix(other_, "/home/staff/.ssh/mux", master, 1000);
  }
  kernel_.Connect(master, "192.0.2.50", 22);
  const ProcessKey third = Login(40002, "198.51.100.67", 33, 9);
  const size_t at_login = hops_.size();
  kernel_.ConnectUnix(Run(third, "/usr/bin/ssh"), "/home/staff/.ssh/mux", master, 1000);
  EXPECT_EQ(hops_.size(), at_login) << "no walk over all connections is left in this minute";
  clock_.AdvanceNs(61'000'000'000);
  kernel_.ConnectUnix(Run(third, "/usr/bin/ssh"), "/home/staff/.ssh/mux", master, 1000);
  EXPECT_EQ(hops_.size(), at_login + 1);
}

TEST_F(SessionDriversTest, OwnMuxMaster_HasNoDriver) {
  const ProcessKey master = Run(victim_, "/usr/bin/ssh");
  kernel_.Connect(master, "192.0.2.50", 22);
  const size_t before = hops_.size();
  kernel_.ConnectUnix(Run(victim_, "/usr/bin/ssh"), "/home/staff/.ssh/mux", master, 1000);
  EXPECT_EQ(hops_.size(), before);
}

TEST_F(SessionDriversTest, AgentOfAnotherSession_DoesNotDriveIt) {
  const ProcessKey agent = Run(victim_, "/usr/bin/ssh-agent");
  const ProcessKey client = Run(other_, "/usr/bin/ssh");
  kernel_.ConnectUnix(client, "/tmp/ssh-x/agent.5", agent, 1000);
  EXPECT_TRUE(DriversOfConnection(agent).empty());
  EXPECT_TRUE(DriversOfConnection(client).empty());
}

TEST_F(SessionDriversTest, SocketOfAService_DoesNotDriveIt) {
  const ProcessKey daemon = Run(kernel_.init(), "/usr/sbin/nscd");
  kernel_.ConnectUnix(Run(other_, "/usr/bin/id"), "/run/nscd/socket", daemon, 0);
  EXPECT_TRUE(DriversOfConnection(daemon).empty());
}

TEST_F(SessionDriversTest, ProgramThatSomebodyLeftRunning_IsDrivenByWhoConnects) {
  const ProcessKey server = Run(victim_, "/usr/bin/python3");
  const ProcessKey client = Run(other_, "/usr/bin/nc");
  kernel_.ConnectUnix(client, "@control", server, 1000);
  const model::Drivers drivers = DriversOfConnection(Run(server, "/usr/bin/ssh"));
  ASSERT_EQ(drivers.size(), 1u);
  EXPECT_EQ(drivers[0].method, "unix socket");
  EXPECT_NEAR(drivers[0].probability, 0.5, 0.001);
}

TEST_F(SessionDriversTest, InjectedProcess_IsDrivenAsLongAsItLives) {
  const ProcessKey injector = Run(other_, "/usr/bin/gdb");
  kernel_.Trace(injector, victim_);
  kernel_.Exit(injector);
  clock_.AdvanceNs(3'600'000'000'000);
  correlator_->Tick();
  const model::Drivers drivers = DriversOfConnection(Run(victim_, "/usr/bin/ssh"));
  ASSERT_EQ(drivers.size(), 1u);
  EXPECT_EQ(drivers[0].session, SessionOf(other_));
  EXPECT_EQ(drivers[0].method, "ptrace");
  EXPECT_NEAR(drivers[0].probability, 0.9, 0.001);
}

TEST_F(SessionDriversTest, InjectedService_ReportsItsConnectionToAnyPort) {
  const ProcessKey daemon = Run(kernel_.init(), "/usr/sbin/nginx");
  kernel_.Connect(daemon, "192.0.2.50", 5432);
  EXPECT_TRUE(hops_.empty());
  kernel_.Trace(Run(other_, "/tmp/inject"), daemon, decode::TraceMethod::kMemoryWrite);
  kernel_.Connect(daemon, "192.0.2.50", 5432);
  ASSERT_EQ(hops_.size(), 1u);
  ASSERT_EQ(hops_[0].drivers.size(), 1u);
  EXPECT_EQ(hops_[0].drivers[0].method, "process_vm_writev");
}

TEST_F(SessionDriversTest, ConnectionBeforeTheInjection_HasNoDriverWhenItIsReportedLater) {
  const ProcessKey daemon = Run(kernel_.init(), "/usr/sbin/nginx");
  kernel_.Connect(daemon, "192.0.2.50", 5432);
  kernel_.Trace(Run(other_, "/tmp/inject"), daemon);
  EXPECT_TRUE(hops_.empty());
  model::Provenance provenance;
  provenance.session = SessionOf(daemon);
  correlator_->Handle(provenance, clock_.BootNs());
  ASSERT_EQ(hops_.size(), 1u);
  EXPECT_TRUE(hops_[0].drivers.empty());
}

TEST_F(SessionDriversTest, MemoryOnlyReadOrOwnSession_DrivesNothing) {
  kernel_.Trace(Run(other_, "/usr/bin/cat"), victim_, decode::TraceMethod::kMemoryRead, false);
  kernel_.Trace(Run(victim_, "/usr/bin/gdb"), victim_);
  EXPECT_TRUE(DriversOfConnection(Run(victim_, "/usr/bin/ssh")).empty());
}

TEST_F(SessionDriversTest, ThousandsOfTargets_StayBounded) {
  HostTables tables({.host = host_, .clock = &clock_});
  Node* node = nullptr;
  for (uint32_t i = 1; i < 3 * Influences::kMaxTargets; ++i) {
    bool created = false;
    process::Process* target = tables.processes.Ensure({i, 1}, &created);
    ASSERT_NE(target, nullptr);
    if (node == nullptr) node = tables.sessions.Create(*target, model::EntryKind::kService);
    tables.sessions.Join(*target, *node, i);
    tables.influences.Add(target->key, {.kind = InfluenceKind::kMemory, .since_boot_ns = i});
  }
  EXPECT_LE(tables.influences.size(), Influences::kMaxTargets);
}

TEST(MergeDriversTest, ManyCertainDrivers_LeaveSomethingForTheLogin) {
  model::Drivers drivers;
  for (uint8_t i = 1; i <= 6; ++i) {
    model::SessionId session;
    session.bytes[0] = i;
    drivers = MergeDrivers(drivers, {{.session = session, .method = "ptrace", .probability = 0.9}});
  }
  ASSERT_EQ(drivers.size(), model::kMaxDrivers);
  double sum = 0;
  for (const model::Driver& driver : drivers) sum += driver.probability;
  EXPECT_LT(sum, 1);
  EXPECT_GT(sum, 0.9);
}

}  // namespace
}  // namespace hoptrail::agent::session
