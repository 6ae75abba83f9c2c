// Connections that pass from one process to another, or that no process accepts.

#include "gmock/gmock.h"

#include "agent/session/correlator.h"
#include "agent/session/correlator_fixture.h"

namespace hoptrail::agent::session {
namespace {

using decode::StreamKind;
using model::EntryKind;
using model::HopSide;

class HardCasesTest : public CorrelatorFixture {
 protected:
  // A login; returns the user's shell, which belongs to the session of `monitor`.
  ProcessKey LogIn(ProcessKey sshd, uint16_t port, uint32_t audit_session, ProcessKey* monitor) {
    *monitor = kernel_.Serve(sshd, kernel_.Arrive(port), /*tier1=*/true);
    const ProcessKey child = kernel_.LogIn(*monitor, "staff", 1000, audit_session,
                                           FakeKernel::AcceptedKey("staff", port));
    const ProcessKey shell = kernel_.Fork(child);
    kernel_.Exec(shell, "/bin/bash", FakeKernel::All(FakeKernel::Of(StreamKind::kTerminal)));
    return shell;
  }
};

// A helper connects and passes the socket to a process of another session.
TEST_F(HardCasesTest, ConnectionPassedToAnotherSession_IsThatSessionsHop) {
  const ProcessKey sshd = kernel_.StartSshd();
  ProcessKey first, second;
  const ProcessKey helper = LogIn(sshd, 40001, 7, &first);
  const ProcessKey user = LogIn(sshd, 40002, 8, &second);
  kernel_.Exec(user, "/usr/bin/ssh");
  const uint64_t socket = kernel_.Connect(helper, "203.0.113.7", 22);
  ASSERT_EQ(Hops(HopSide::kClient).size(), 1u);
  EXPECT_EQ(Hops(HopSide::kClient)[0].session, Id(first));
  kernel_.HandOver(helper, user, socket);
  ASSERT_EQ(Hops(HopSide::kClient).size(), 2u);
  const model::HopEnd hop = Hops(HopSide::kClient)[1];
  EXPECT_EQ(hop.session, Id(second));
  EXPECT_EQ(hop.process, user);
  EXPECT_EQ(hop.program, "/usr/bin/ssh");
  EXPECT_EQ(hop.hop_key, Hops(HopSide::kClient)[0].hop_key);
  kernel_.Close(socket);
  EXPECT_EQ(Hops(HopSide::kClient).back().session, Id(second));
}

TEST_F(HardCasesTest, ConnectionThatOutlivesItsUnreportedSession_NamesNoSession) {
  const ProcessKey sshd = kernel_.StartSshd();
  const uint64_t socket = kernel_.Arrive(40001);
  const ProcessKey monitor = kernel_.Serve(sshd, socket, /*tier1=*/true);
  kernel_.Exit(monitor);
  for (int i = 0; i < 2; ++i) {
    clock_.AdvanceNs(int64_t{100} * 1'000'000'000);
    correlator_->Tick();
  }
  ASSERT_EQ(correlator_->FindNode(Id(monitor)), nullptr);
  kernel_.Close(socket);
  ASSERT_FALSE(hops_.empty());
  EXPECT_NE(hops_.back().closed_wall_ns, 0);
  EXPECT_TRUE(hops_.back().session.empty());
  EXPECT_FALSE(IsReported(monitor));
}

// A record of the monitor's child overtakes the fork of the monitor, which begins a session of its
// own before its listener is known.
TEST_F(HardCasesTest, AttemptOfAMonitorWhoseForkIsLate_NamesTheListenersSession) {
  const ProcessKey sshd = kernel_.StartSshd();
  kernel_.lose_forks = true;
  const ProcessKey monitor = kernel_.Fork(sshd);
  const ProcessKey child = kernel_.Fork(monitor);
  kernel_.lose_forks = false;
  decode::Header early;
  early.process = child;
  early.parent = monitor;
  early.tag = monitor;
  kernel_.Emit(early, decode::File{});
  ASSERT_EQ(correlator_->SessionOf(monitor), Id(monitor));
  decode::Header late;
  late.process = sshd;
  late.parent = kernel_.init();
  kernel_.Emit(late, decode::Fork{monitor, monitor});
  kernel_.Say(monitor, "Failed password for staff from 198.51.100.9 port 40001 ssh2");
  ASSERT_EQ(attempts_.size(), 1u);
  EXPECT_EQ(listener_, correlator_->SessionOf(sshd));
  EXPECT_FALSE(IsReported(monitor)) << "nobody has logged in";
}

TEST_F(HardCasesTest, EntryPassedToAnotherSession_StaysWithItsOwn) {
  const ProcessKey sshd = kernel_.StartSshd();
  ProcessKey first, second;
  LogIn(sshd, 40001, 7, &first);
  const ProcessKey other = LogIn(sshd, 40002, 8, &second);
  const uint64_t entry = *kernel_.at(first).sockets.begin();
  const model::Session before = Reported(first);
  kernel_.HandOver(first, other, entry);
  kernel_.Close(entry);
  EXPECT_EQ(Reported(first).entry->hop_key, before.entry->hop_key);
  EXPECT_NE(Reported(first).login_ended_wall_ns, 0);
  EXPECT_EQ(Reported(second).login_ended_wall_ns, 0);
  std::vector<model::SessionId> owners;
  for (const model::HopEnd& hop : Hops(HopSide::kServer)) {
    if (hop.hop_key == before.entry->hop_key) owners.push_back(hop.session);
  }
  // Reported at the login and again at the close.
  EXPECT_THAT(owners, testing::AllOf(testing::SizeIs(testing::Ge(2u)), testing::Each(Id(first))));
}

// An acceptor passes connections to a worker that forks for each of them.
TEST_F(HardCasesTest, WorkerThatGetsConnectionsFromAnAcceptor_OpensSessions) {
  const ProcessKey acceptor = kernel_.Fork(kernel_.init());
  kernel_.Exec(acceptor, "/usr/local/bin/acceptor");
  const ProcessKey worker = kernel_.Fork(kernel_.init());
  kernel_.Exec(worker, "/usr/local/bin/worker");
  kernel_.Listen(acceptor, 2222);
  const uint64_t socket = kernel_.Arrive(
      {FakeKernel::Address("198.51.100.9", 40000), FakeKernel::Address("192.0.2.1", 2222)});
  kernel_.Accept(acceptor, socket, /*first_use=*/false);
  kernel_.HandOver(acceptor, worker, socket);
  const ProcessKey shell = kernel_.Fork(worker);
  kernel_.Exec(shell, "/bin/sh", FakeKernel::All(kernel_.Tcp(socket)));
  ASSERT_TRUE(IsReported(shell));
  EXPECT_EQ(Reported(shell).kind, EntryKind::kRemote);
  EXPECT_EQ(model::ToString(Reported(shell).entry->flow.client), "198.51.100.9:40000");
}

TEST_F(HardCasesTest, SimultaneousOpen_ServersEndIsOwnedByTheProcessThatConnected) {
  const ProcessKey sshd = kernel_.StartSshd();
  ProcessKey session;
  const ProcessKey shell = LogIn(sshd, 40001, 7, &session);
  const size_t before = Hops(HopSide::kServer).size();
  const uint64_t socket = kernel_.ConnectSimultaneously(
      shell, FakeKernel::Address("192.0.2.1", 4444), FakeKernel::Address("203.0.113.7", 4444));
  ASSERT_EQ(Hops(HopSide::kServer).size(), before + 1);
  const model::HopEnd hop = Hops(HopSide::kServer).back();
  EXPECT_EQ(hop.session, Id(session));
  EXPECT_EQ(hop.process, shell);
  EXPECT_FALSE(hop.opened_session);
  EXPECT_EQ(model::ToString(hop.flow.client), "203.0.113.7:4444");
  EXPECT_EQ(hop.hop_key.server_isn, 77u);
  kernel_.Close(socket);
  EXPECT_NE(Hops(HopSide::kServer).back().closed_wall_ns, 0);
}

// An sshd without PAM that logs to a file: there are only the kernel's own records.
TEST_F(HardCasesTest, CommandOfAnSshdWithoutClaims_IsALogin) {
  const ProcessKey sshd = kernel_.StartSshd();
  const ProcessKey monitor = kernel_.Serve(sshd, kernel_.Arrive(), /*tier1=*/true);
  const auto pipes = FakeKernel::All(FakeKernel::Of(StreamKind::kPipe));
  // AuthorizedKeysCommand: sshd starts it before the login.
  const ProcessKey helper = kernel_.Fork(monitor);
  kernel_.Exec(helper, "/usr/bin/keys", pipes, {"/usr/bin/keys", "root"});
  kernel_.Exit(helper);
  EXPECT_FALSE(IsReported(monitor));
  const ProcessKey shell = kernel_.Fork(monitor);
  kernel_.Exec(shell, "/bin/bash", pipes, {"bash", "-c", "id"});
  EXPECT_TRUE(Reported(monitor).logged_in);
  EXPECT_EQ(Reported(monitor).user, "root");
  EXPECT_EQ(Reported(monitor).authentication.method, model::AuthMethod::kUnknown);
}

}  // namespace
}  // namespace hoptrail::agent::session
