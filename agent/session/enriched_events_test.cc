// Enriched events as a consumer of the stream sees them.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/session/correlator_fixture.h"
#include "agent/session/enriched_event.h"
#include "agent/session/event_recorder.h"

namespace hoptrail::agent::session {
namespace {

class EnrichedEventsTest : public CorrelatorFixture {
 protected:
  EnrichedEventsTest() { Subscribe(Interests::All()); }

  void Subscribe(Interests interests) {
    recorder_ = std::make_unique<EventRecorder>(interests);
    Correlator::Options options;
    options.host = host_;
    options.clock = &clock_;
    options.host_pid_namespace = 100;
    correlator_ = std::make_unique<Correlator>(std::move(options), this, recorder_.get());
  }

  // The user's shell of a login by ssh.
  ProcessKey LogIn() {
    sshd_ = kernel_.StartSshd();
    entry_ = kernel_.Arrive();
    monitor_ = kernel_.Serve(sshd_, entry_, true);
    const ProcessKey shell =
        kernel_.LogIn(monitor_, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
    kernel_.Exec(shell, "/bin/bash");
    return shell;
  }
  // The last event of that kind; the test fails if there is none.
  SeenEvent Last(Activity kind) {
    const std::vector<SeenEvent> seen = recorder_->Of(kind);
    EXPECT_FALSE(seen.empty());
    return seen.empty() ? SeenEvent{} : seen.back();
  }

  std::unique_ptr<EventRecorder> recorder_;
  ProcessKey sshd_, monitor_;
  uint64_t entry_ = 0;
};

TEST_F(EnrichedEventsTest, ExecOfARemoteLogin_HasSessionAncestorsAndThePreviousImage) {
  const ProcessKey shell = LogIn();
  const ProcessKey child = kernel_.Fork(shell);
  kernel_.Exec(child, "/usr/bin/id");
  const SeenEvent seen = Last(Activity::kProcessStarted);
  EXPECT_EQ(seen.process, child);
  EXPECT_EQ(seen.session, Id(monitor_));
  EXPECT_TRUE(seen.by_remote_login);
  EXPECT_TRUE(seen.reported);
  EXPECT_EQ(seen.image_before, "/bin/bash");
  EXPECT_EQ(seen.ancestors,
            (std::vector<std::string>{"/bin/bash", "/usr/sbin/sshd", "/usr/sbin/sshd", ""}))
      << "process 1 started before the events";
}

TEST_F(EnrichedEventsTest, AncestorsOfALongChain_AreBounded) {
  ProcessKey process = LogIn();
  for (int i = 0; i < 100; ++i) process = kernel_.Fork(process);
  kernel_.Exec(process, "/usr/bin/id");
  EXPECT_EQ(Last(Activity::kProcessStarted).ancestors.size(),
            static_cast<size_t>(Lineage::kMaxDepth));
}

TEST_F(EnrichedEventsTest, Fork_NamesTheChildAndExitTheProcess) {
  const ProcessKey shell = LogIn();
  const ProcessKey child = kernel_.Fork(shell);
  SeenEvent seen = Last(Activity::kProcessForked);
  EXPECT_EQ(seen.process, shell);
  EXPECT_EQ(seen.other, child);
  EXPECT_EQ(seen.other_session, Id(monitor_));
  kernel_.Exit(child);
  seen = Last(Activity::kProcessEnded);
  EXPECT_EQ(seen.process, child);
  EXPECT_EQ(seen.session, Id(monitor_));
  EXPECT_FALSE(seen.derived);
}

TEST_F(EnrichedEventsTest, FilesCredentialsNamespacesAndDatagrams_HaveTheirSession) {
  const ProcessKey shell = LogIn();
  decode::Header header;
  header.process = shell;
  kernel_.Emit(header, decode::File{.action = decode::FileAction::kOpen});
  kernel_.Emit(header, decode::File{.action = decode::FileAction::kRename});
  kernel_.Emit(header, decode::CredentialsChange{});
  kernel_.Emit(header, decode::NamespacesChange{});
  kernel_.Emit(header, decode::DatagramFlow{});
  for (Activity kind :
       {Activity::kFileOpened, Activity::kFileReplaced, Activity::kCredentialsChanged,
        Activity::kNamespacesChanged, Activity::kDatagramFlow}) {
    const SeenEvent seen = Last(kind);
    EXPECT_EQ(seen.process, shell) << static_cast<int>(kind);
    EXPECT_EQ(seen.session, Id(monitor_)) << static_cast<int>(kind);
  }
}

TEST_F(EnrichedEventsTest, UnixConnect_NamesTheOwnerAndItsSession) {
  const ProcessKey shell = LogIn();
  const ProcessKey daemon = kernel_.Fork(kernel_.init());
  kernel_.Exec(daemon, "/usr/bin/dockerd");
  kernel_.ConnectUnix(shell, "/run/docker.sock", daemon, 0);
  const SeenEvent seen = Last(Activity::kUnixConnected);
  EXPECT_EQ(seen.session, Id(monitor_));
  EXPECT_EQ(seen.other, daemon);
  EXPECT_EQ(seen.other_session, Id(daemon));
}

TEST_F(EnrichedEventsTest, ConnectionFromASession_IsSeenFromAttemptToClose) {
  const ProcessKey shell = LogIn();
  const uint64_t socket = kernel_.Connect(shell, "192.0.2.2", 443);
  SeenEvent seen = Last(Activity::kConnectionAttempted);
  EXPECT_EQ(seen.process, shell);
  ASSERT_TRUE(seen.has_connection);
  EXPECT_TRUE(seen.connection.hop_key.empty());
  // The transition runs outside the context of any process, so the process is the owner.
  seen = Last(Activity::kConnectionOpened);
  EXPECT_EQ(seen.process, shell);
  EXPECT_EQ(seen.session, Id(monitor_));
  ASSERT_TRUE(seen.has_connection);
  EXPECT_FALSE(seen.connection.hop_key.empty());
  EXPECT_EQ(seen.connection.flow.server.port, 443);
  kernel_.Close(socket);
  seen = Last(Activity::kConnectionClosed);
  EXPECT_EQ(seen.session, Id(monitor_));
  ASSERT_TRUE(seen.has_connection);
  EXPECT_EQ(seen.connection.socket, socket);
  EXPECT_EQ(seen.connection.bytes_sent, 1000u);
  EXPECT_EQ(seen.connection.bytes_received, 2000u);
  EXPECT_FALSE(seen.connection.hop_key.empty());
}

TEST_F(EnrichedEventsTest, FailedConnection_IsSeenWithItsPeer) {
  const ProcessKey shell = LogIn();
  decode::Tcp tcp;
  tcp.phase = decode::TcpPhase::kConnect;
  tcp.side = decode::TcpSide::kClient;
  tcp.socket = 77;
  tcp.flow.server = FakeKernel::Address("192.0.2.2", 5432);
  decode::Header header;
  header.process = shell;
  kernel_.Emit(header, tcp);
  tcp.phase = decode::TcpPhase::kFailed;
  kernel_.Emit({}, tcp);
  const SeenEvent seen = Last(Activity::kConnectionFailed);
  EXPECT_EQ(seen.process, shell);
  ASSERT_TRUE(seen.has_connection);
  EXPECT_EQ(seen.connection.flow.server.port, 5432);
}

TEST_F(EnrichedEventsTest, AcceptedAndHandedOverConnections_AreSeenWithTheProcessThatHasThem) {
  LogIn();
  SeenEvent seen = Last(Activity::kConnectionAccepted);
  EXPECT_EQ(seen.process, sshd_);
  EXPECT_EQ(seen.connection.socket, entry_);
  EXPECT_EQ(Last(Activity::kConnectionArrived).connection.socket, entry_);
  EXPECT_EQ(Last(Activity::kListening).process, sshd_);
  const ProcessKey a = kernel_.Fork(kernel_.init());
  kernel_.Exec(a, "/usr/sbin/front");
  const ProcessKey b = kernel_.Fork(kernel_.init());
  kernel_.Exec(b, "/usr/sbin/back");
  const uint64_t socket = kernel_.Arrive(40001);
  kernel_.Accept(a, socket, false);
  kernel_.HandOver(a, b, socket);
  seen = Last(Activity::kConnectionHandedOver);
  EXPECT_EQ(seen.process, b);
  EXPECT_EQ(seen.session, Id(b));
  EXPECT_EQ(seen.connection.socket, socket);
}

TEST_F(EnrichedEventsTest, Login_IsSeenAsClaimsAttemptAndSession) {
  LogIn();
  EXPECT_EQ(Last(Activity::kPamClaim).process, monitor_);
  EXPECT_EQ(Last(Activity::kSshdClaim).session, Id(monitor_));
  const SeenEvent attempt = Last(Activity::kLoginAttempt);
  EXPECT_EQ(attempt.session, Id(monitor_));
  EXPECT_EQ(attempt.listener, Id(sshd_));
  EXPECT_TRUE(attempt.derived);
  const SeenEvent session = Last(Activity::kSessionChanged);
  EXPECT_EQ(session.session, Id(monitor_));
  EXPECT_TRUE(session.by_remote_login);
  EXPECT_TRUE(session.reported);
  EXPECT_EQ(Last(Activity::kHopEnd).session, Id(monitor_));
}

TEST_F(EnrichedEventsTest, Provenance_IsSeenAtItsArrivalAndInLaterEvents) {
  const ProcessKey shell = LogIn();
  kernel_.Exec(shell, "/usr/bin/id");
  EXPECT_EQ(Last(Activity::kProcessStarted).depth, 0u);
  model::Provenance provenance;
  provenance.session = Id(monitor_);
  provenance.depth = 2;
  ASSERT_TRUE(correlator_->Handle(provenance, clock_.BootNs()));
  EXPECT_EQ(Last(Activity::kProvenanceKnown).depth, 2u);
  kernel_.Exec(shell, "/usr/bin/id");
  EXPECT_EQ(Last(Activity::kProcessStarted).depth, 2u);
}

TEST_F(EnrichedEventsTest, Tampering_NamesTheTargetAndAReportedSession) {
  const ProcessKey monitor = kernel_.Serve(kernel_.StartSshd(), kernel_.Arrive(), true);
  EXPECT_FALSE(IsReported(monitor));
  const ProcessKey agent = kernel_.Fork(kernel_.init());
  decode::Tampering tampering;
  tampering.kind = decode::TamperingKind::kPtrace;
  tampering.target = agent;
  kernel_.EmitTampering(monitor, "sshd", tampering);
  const SeenEvent seen = Last(Activity::kTampering);
  EXPECT_EQ(seen.session, Id(monitor));
  EXPECT_TRUE(seen.reported);
  EXPECT_EQ(seen.other, agent);
}

TEST_F(EnrichedEventsTest, LostExit_IsFoundByASnapshot) {
  const ProcessKey sshd = kernel_.StartSshd();
  const ProcessKey gone = kernel_.Fork(kernel_.init());
  kernel_.Exec(gone, "/usr/sbin/cron");
  const auto out = std::exchange(kernel_.out, nullptr);
  kernel_.Exit(gone);
  kernel_.out = out;
  kernel_.Emit({}, decode::Lost{"ring/high", "exit", 1});
  kernel_.Snapshot();
  const SeenEvent seen = Last(Activity::kProcessEnded);
  EXPECT_EQ(seen.process, gone);
  EXPECT_EQ(seen.session, Id(gone));
  EXPECT_TRUE(seen.derived);
  EXPECT_EQ(recorder_->Of(Activity::kRecordsLost).size(), 1u);
  EXPECT_EQ(recorder_->Of(Activity::kSnapshotDone).size(), 1u);
  EXPECT_FALSE(recorder_->Of(Activity::kSnapshotProcess).empty());
  EXPECT_EQ(Last(Activity::kSnapshotSocket).process, sshd);
}

TEST_F(EnrichedEventsTest, LostClose_IsFoundWhenTheSocketIsUsedAgain) {
  const ProcessKey shell = LogIn();
  decode::Tcp tcp;
  tcp.phase = decode::TcpPhase::kConnect;
  tcp.side = decode::TcpSide::kClient;
  tcp.socket = 77;
  tcp.flow.server = FakeKernel::Address("192.0.2.2", 5432);
  decode::Header header;
  header.process = shell;
  kernel_.Emit(header, tcp);
  tcp.flow.server = FakeKernel::Address("192.0.2.3", 80);
  kernel_.Emit(header, tcp);
  const SeenEvent seen = Last(Activity::kConnectionClosed);
  EXPECT_TRUE(seen.derived);
  EXPECT_EQ(seen.session, Id(monitor_));
  EXPECT_EQ(seen.connection.flow.server.port, 5432);
}

TEST_F(EnrichedEventsTest, SessionThatCloses_IsSeen) {
  const ProcessKey daemon = kernel_.Fork(kernel_.init());
  kernel_.Exec(daemon, "/usr/sbin/cron");
  const size_t before = recorder_->Of(Activity::kSessionChanged).size();
  kernel_.Exit(daemon);
  const std::vector<SeenEvent> after = recorder_->Of(Activity::kSessionChanged);
  ASSERT_EQ(after.size(), before + 1);
  EXPECT_EQ(after.back().session, Id(daemon));
}

TEST_F(EnrichedEventsTest, ConsumerOfOneKind_SeesNoOther) {
  Subscribe({Activity::kHopEnd});
  const ProcessKey shell = LogIn();
  kernel_.Connect(shell, "192.0.2.2", 22);
  ASSERT_FALSE(recorder_->all.empty());
  EXPECT_EQ(recorder_->all.size(), recorder_->Of(Activity::kHopEnd).size());
}

}  // namespace
}  // namespace hoptrail::agent::session
