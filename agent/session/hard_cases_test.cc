// Connections that change hands, or that nobody accepted.

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
  Name LogIn(Name sshd, uint16_t port, uint32_t audit_session, Name* monitor) {
    *monitor = kernel_.Serve(sshd, kernel_.Arrive(port), /*tier1=*/true);
    const Name child = kernel_.LogIn(*monitor, "staff", 1000, audit_session,
                                     FakeKernel::AcceptedKey("staff", port));
    const Name shell = kernel_.Fork(child);
    kernel_.Exec(shell, "/bin/bash", FakeKernel::All(FakeKernel::Of(StreamKind::kTerminal)));
    return shell;
  }
};

// A helper of the user's own connects and hands the socket to a process of another session: the
// hop is that session's.
TEST_F(HardCasesTest, AHopIsOfTheSessionThatUsesIt) {
  const Name sshd = kernel_.StartSshd();
  Name first, second;
  const Name helper = LogIn(sshd, 40001, 7, &first);
  const Name user = LogIn(sshd, 40002, 8, &second);
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

// A connection that outlives the processes that served it, and their session.
TEST_F(HardCasesTest, AHopNamesNoSessionThatWasNeverTold) {
  const Name sshd = kernel_.StartSshd();
  const uint64_t socket = kernel_.Arrive(40001);
  const Name monitor = kernel_.Serve(sshd, socket, /*tier1=*/true);
  kernel_.Exit(monitor);
  for (int i = 0; i < 2; ++i) {
    clock_.AdvanceNs(int64_t{100} * 1'000'000'000);
    correlator_->Tick();
  }
  ASSERT_EQ(correlator_->FindSession(Id(monitor)), nullptr);
  kernel_.Close(socket);
  ASSERT_FALSE(hops_.empty());
  EXPECT_NE(hops_.back().closed_wall_ns, 0);
  EXPECT_TRUE(hops_.back().session.empty());
  EXPECT_FALSE(IsTold(monitor));
}

// What a child of the connection's process says overtakes that process's own fork, so that it has
// begun a session of its own before its listener is known.
TEST_F(HardCasesTest, AnAttemptIsOfTheListenersSessionThoughTheForkCameLate) {
  const Name sshd = kernel_.StartSshd();
  kernel_.lose_forks = true;
  const Name monitor = kernel_.Fork(sshd);
  const Name child = kernel_.Fork(monitor);
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
  EXPECT_FALSE(IsTold(monitor)) << "nobody has come in";
}

// What lets someone in stays what it is, whoever uses the socket besides.
TEST_F(HardCasesTest, AnEntryStaysWithItsSession) {
  const Name sshd = kernel_.StartSshd();
  Name first, second;
  LogIn(sshd, 40001, 7, &first);
  const Name other = LogIn(sshd, 40002, 8, &second);
  const uint64_t entry = *kernel_.at(first).sockets.begin();
  const model::Session before = Told(first);
  kernel_.HandOver(first, other, entry);
  kernel_.Close(entry);
  EXPECT_EQ(Told(first).entry->hop_key, before.entry->hop_key);
  EXPECT_NE(Told(first).login_ended_wall_ns, 0);
  EXPECT_EQ(Told(second).login_ended_wall_ns, 0);
  std::vector<model::SessionId> owners;
  for (const model::HopEnd& hop : Hops(HopSide::kServer)) {
    if (hop.hop_key == before.entry->hop_key) owners.push_back(hop.session);
  }
  // Told when it came, and again when it was closed.
  EXPECT_THAT(owners, testing::AllOf(testing::SizeIs(testing::Ge(2u)), testing::Each(Id(first))));
}

// A process that accepts for others, and a worker that forks for each connection.
TEST_F(HardCasesTest, AWorkerThatIsHandedConnectionsOpensSessions) {
  const Name acceptor = kernel_.Fork(kernel_.init());
  kernel_.Exec(acceptor, "/usr/local/bin/acceptor");
  const Name worker = kernel_.Fork(kernel_.init());
  kernel_.Exec(worker, "/usr/local/bin/worker");
  kernel_.Listen(acceptor, 2222);
  const uint64_t socket = kernel_.Arrive(
      {FakeKernel::Address("198.51.100.9", 40000), FakeKernel::Address("192.0.2.1", 2222)});
  kernel_.Accept(acceptor, socket, /*first_use=*/false);
  kernel_.HandOver(acceptor, worker, socket);
  const Name shell = kernel_.Fork(worker);
  kernel_.Exec(shell, "/bin/sh", FakeKernel::All(kernel_.Tcp(socket)));
  ASSERT_TRUE(IsTold(shell));
  EXPECT_EQ(Told(shell).kind, EntryKind::kRemote);
  EXPECT_EQ(model::ToString(Told(shell).entry->flow.client), "198.51.100.9:40000");
}

// Both ends connected: the hop is told, from the process that connected, as the server's end.
TEST_F(HardCasesTest, WhereBothConnectTheServersEndHasAnOwner) {
  const Name sshd = kernel_.StartSshd();
  Name session;
  const Name shell = LogIn(sshd, 40001, 7, &session);
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

// An sshd without PAM that writes its messages to a file: only the kernel's facts are left.
TEST_F(HardCasesTest, ACommandOfASilentSshdIsALogin) {
  const Name sshd = kernel_.StartSshd();
  const Name monitor = kernel_.Serve(sshd, kernel_.Arrive(), /*tier1=*/true);
  const auto pipes = FakeKernel::All(FakeKernel::Of(StreamKind::kPipe));
  // A program that sshd asks for keys is no login yet.
  const Name helper = kernel_.Fork(monitor);
  kernel_.Exec(helper, "/usr/bin/keys", pipes, {"/usr/bin/keys", "root"});
  kernel_.Exit(helper);
  EXPECT_FALSE(IsTold(monitor));
  const Name shell = kernel_.Fork(monitor);
  kernel_.Exec(shell, "/bin/bash", pipes, {"bash", "-c", "id"});
  EXPECT_TRUE(Told(monitor).logged_in);
  EXPECT_EQ(Told(monitor).user, "root");
  EXPECT_EQ(Told(monitor).authentication.method, model::AuthMethod::kUnknown);
}

}  // namespace
}  // namespace hoptrail::agent::session
