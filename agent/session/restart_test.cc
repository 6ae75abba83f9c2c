// The agent is killed and started again while the host goes on.

#include "agent/session/correlator_fixture.h"

namespace hoptrail::agent::session {
namespace {

using decode::StreamKind;
using model::EntryKind;
using model::HopSide;

class RestartTest : public CorrelatorFixture {
 protected:
  RestartTest() {
    // The previous run may have reported a hop's session.
    expect_sessions_first_ = false;
    sshd_ = kernel_.StartSshd();
    socket_ = kernel_.Arrive();
    monitor_ = kernel_.Serve(sshd_, socket_, /*tier1=*/false);
  }

  void Login() {
    child_ = kernel_.LogIn(monitor_, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
    shell_ = kernel_.Fork(child_);
    kernel_.Exec(shell_, "/bin/bash", FakeKernel::All(FakeKernel::Of(StreamKind::kTerminal)));
    correlator_->Tick();
  }

  ProcessKey sshd_, monitor_, child_, shell_;
  uint64_t socket_ = 0;
};

TEST_F(RestartTest, WhatThePreviousRunReported_IsNotReportedAgain) {
  Login();
  kernel_.Connect(shell_, "192.0.2.2", 22);
  Kill();
  Restart();
  EXPECT_EQ(reported_.count(Id(monitor_)), 0u);
  EXPECT_EQ(CountOf(EntryKind::kRemote), 0u);
  EXPECT_TRUE(hops_.empty());
  EXPECT_TRUE(attempts_.empty());
  EXPECT_EQ(correlator_->SessionOf(shell_), Id(monitor_));
  EXPECT_EQ(correlator_->SessionOf(monitor_), Id(monitor_));
  EXPECT_EQ(correlator_->SessionOf(sshd_), Id(sshd_));
  clock_.AdvanceNs(120'000'000'000);
  correlator_->Tick();
  EXPECT_TRUE(edges_.empty());
}

TEST_F(RestartTest, SessionsAndHops_KeepTheirIds) {
  Login();
  const uint64_t onward = kernel_.Connect(shell_, "192.0.2.2", 22);
  const model::HopEnd before = Hops(HopSide::kClient).at(0);
  const model::Session session = Reported(monitor_);
  Kill();
  Restart();
  kernel_.Connect(shell_, "192.0.2.3", 22);
  ASSERT_EQ(hops_.size(), 1u);
  EXPECT_EQ(hops_[0].session, session.id);
  kernel_.Close(onward);
  ASSERT_EQ(hops_.size(), 2u);
  model::HopEnd closed = hops_[1];
  EXPECT_NE(closed.closed_wall_ns, 0);
  EXPECT_EQ(closed.bytes_sent, 1000u);
  closed.closed_wall_ns = 0;
  closed.bytes_sent = closed.bytes_received = 0;
  EXPECT_EQ(closed, before);
  kernel_.Close(socket_);
  model::Session ended = Reported(monitor_);
  EXPECT_NE(ended.login_ended_wall_ns, 0);
  ended.login_ended_wall_ns = 0;
  EXPECT_EQ(ended, session);
}

TEST_F(RestartTest, ProcessThatOutlivesItsLogin_IsFoundByTheSavedState) {
  Login();
  const ProcessKey survivor = kernel_.Fork(shell_);
  kernel_.at(survivor).credentials.audit_session = model::kNoLogin;  // the hard case
  kernel_.Exec(survivor, "/usr/bin/sleep");
  kernel_.Exit(shell_);
  kernel_.Exit(child_);
  kernel_.Close(socket_);
  kernel_.Exit(monitor_);
  Kill();
  Restart();
  EXPECT_EQ(correlator_->SessionOf(survivor), Id(monitor_));
  kernel_.Connect(survivor, "192.0.2.2", 22);
  ASSERT_EQ(hops_.size(), 1u);
  EXPECT_EQ(hops_[0].session, Id(monitor_));
  EXPECT_TRUE(reported_.empty() || CountOf(EntryKind::kRemote) == 0);
}

TEST_F(RestartTest, ProcessForkedWhileNoAgentRan_IsFoundByItsAuditSession) {
  Login();
  Kill();
  const ProcessKey survivor = kernel_.Fork(shell_);  // unseen
  kernel_.Exit(shell_);
  kernel_.Exit(child_);
  kernel_.Close(socket_);
  kernel_.Exit(monitor_);
  Restart();
  EXPECT_EQ(correlator_->SessionOf(survivor), Id(monitor_));
  EXPECT_EQ(Reported(monitor_).closed_wall_ns, 0);
  EXPECT_NE(Reported(monitor_).login_ended_wall_ns, 0);
  EXPECT_EQ(store_.members.count(shell_), 0u);
}

TEST_F(RestartTest, SessionAndConnectionsThatEndedWhileNoAgentRan_AreClosed) {
  Login();
  const uint64_t onward = kernel_.Connect(shell_, "192.0.2.2", 22);
  Kill();
  kernel_.Close(onward);
  kernel_.Close(socket_);
  kernel_.Exit(shell_);
  kernel_.Exit(child_);
  kernel_.Exit(monitor_);
  Restart();
  EXPECT_NE(Reported(monitor_).closed_wall_ns, 0);
  ASSERT_EQ(hops_.size(), 2u);
  for (const model::HopEnd& hop : hops_) EXPECT_NE(hop.closed_wall_ns, 0);
  EXPECT_TRUE(store_.sessions.empty());
  EXPECT_TRUE(store_.members.empty());
  EXPECT_TRUE(store_.hops.empty());
}

TEST_F(RestartTest, LoginBeforeTheFirstRun_HasTheIdOfItsFirstProcess) {
  Kill();
  store_ = MemoryStore();
  // All of it unseen.
  child_ = kernel_.LogIn(monitor_, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  kernel_.SetUid(child_, 1000);
  kernel_.at(child_).sockets = {socket_};
  shell_ = kernel_.Fork(child_);
  kernel_.at(shell_).sockets.clear();
  kernel_.Exec(shell_, "/bin/bash");
  const uint64_t onward = kernel_.Connect(shell_, "192.0.2.2", 22);
  Restart();
  const model::Session session = Reported(monitor_);
  EXPECT_EQ(session.kind, EntryKind::kRemote);
  EXPECT_TRUE(session.logged_in);
  EXPECT_EQ(session.user, "staff");
  EXPECT_EQ(session.uid, 1000u);
  ASSERT_TRUE(session.entry.has_value());
  EXPECT_EQ(model::ToString(session.entry->flow.client), "198.51.100.9:40000");
  EXPECT_TRUE(attempts_.empty());
  ASSERT_EQ(hops_.size(), 2u);
  for (const model::HopEnd& hop : hops_) EXPECT_EQ(hop.session, session.id);
  EXPECT_EQ(correlator_->SessionOf(sshd_), Id(sshd_));
  kernel_.Close(onward);
  EXPECT_EQ(hops_.size(), 3u);
}

TEST_F(RestartTest, PendingSession_IsPendingAgain) {
  Kill();
  Restart();
  EXPECT_FALSE(IsReported(monitor_));
  kernel_.LogIn(monitor_, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  EXPECT_TRUE(Reported(monitor_).logged_in);
  EXPECT_EQ(Reported(monitor_).user, "staff");
  EXPECT_EQ(attempts_.size(), 1u);
}

TEST_F(RestartTest, SecondSnapshot_ChangesNothing) {
  Login();
  kernel_.Connect(shell_, "192.0.2.2", 22);
  Forget();
  kernel_.Snapshot();
  EXPECT_EQ(CountOf(EntryKind::kRemote), 0u);
  EXPECT_TRUE(hops_.empty());
  Forget();
  kernel_.Snapshot();
  EXPECT_TRUE(reported_.empty());
  EXPECT_TRUE(hops_.empty());
  EXPECT_EQ(correlator_->SessionOf(shell_), Id(monitor_));
}

TEST_F(RestartTest, SecondSnapshot_FindsLostExits) {
  Login();
  const auto out = kernel_.out;
  kernel_.out = nullptr;
  kernel_.Exit(shell_);
  kernel_.Exit(child_);
  kernel_.Exit(monitor_);
  kernel_.out = out;
  kernel_.Snapshot();
  EXPECT_NE(Reported(monitor_).closed_wall_ns, 0);
}

// Records still wait in the rings when a snapshot is taken because others were lost. The exit of
// their process may be among the lost ones.
TEST_F(RestartTest, RecordsReadAfterASnapshot_KeepNoEndedProcessAlive) {
  const ProcessKey sshd = kernel_.StartSshd();
  std::vector<decode::Event> waiting;
  const auto out =
      std::exchange(kernel_.out, [&](const decode::Event& event) { waiting.push_back(event); });
  const ProcessKey monitor = kernel_.Serve(sshd, kernel_.Arrive(), /*tier1=*/true);
  const ProcessKey child =
      kernel_.LogIn(monitor, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
  kernel_.out = nullptr;
  kernel_.Exit(child);
  kernel_.Exit(monitor);
  kernel_.out = out;
  kernel_.Snapshot();
  const ProcessKey later = kernel_.Fork(kernel_.init());
  for (const decode::Event& event : waiting) correlator_->Handle(event);
  EXPECT_TRUE(Reported(monitor).logged_in);
  clock_.AdvanceNs(int64_t{3} * 1'000'000'000);
  correlator_->Tick();
  EXPECT_NE(Reported(monitor).closed_wall_ns, 0);
  for (const ProcessKey& key : correlator_->LivingProcesses())
    EXPECT_TRUE(kernel_.alive(key)) << key.tgid;
  EXPECT_FALSE(correlator_->SessionOf(later).empty());
}

TEST_F(RestartTest, LateRecordOfAProcessThatEndedDuringTheSnapshot_OpensNoLastingSession) {
  Kill();
  const ProcessKey ended = kernel_.Fork(kernel_.init());
  Start();
  kernel_.BeginSnapshot();
  kernel_.Exit(ended);
  kernel_.EndSnapshot();
  decode::Header late;
  late.process = ended;
  late.parent = kernel_.init();
  kernel_.Emit(late, decode::File{});
  ASSERT_EQ(correlator_->SessionOf(ended), Id(ended));
  EXPECT_NE(correlator_->FindNode(Id(ended))->session.closed_wall_ns, 0);
  EXPECT_NE(Reported(ended).closed_wall_ns, 0);
  clock_.AdvanceNs(int64_t{120} * 1'000'000'000);
  correlator_->Tick();
  EXPECT_EQ(correlator_->FindNode(Id(ended)), nullptr);
}

}  // namespace
}  // namespace hoptrail::agent::session
