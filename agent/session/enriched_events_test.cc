// What reaches a consumer of the stream, and what it knows about it.

#include <set>
#include <string>
#include <vector>

#include "agent/session/correlator_fixture.h"
#include "agent/session/enriched_event.h"

namespace hoptrail::agent::session {
namespace {

// What of an event outlives the call.
struct Seen {
  Activity kind;
  bool derived;
  model::ProcessKey process, other;
  model::SessionId session, other_session, listener;
  bool by_remote_login, reported;
  uint32_t depth;
  std::string image_before;
  std::vector<std::string> ancestors;
  ConnectionView connection;
  bool has_connection;
};

class Consumer : public EventSink {
 public:
  explicit Consumer(Interests interests) : interests_(interests) {}

  Interests interests() const override { return interests_; }
  void OnEvent(const EnrichedEvent& event) override {
    Seen seen{};
    seen.kind = event.kind;
    seen.derived = event.event == nullptr;
    if (event.process != nullptr) {
      seen.process = event.process->name;
      event.lineage.ForEachAncestor(*event.process, [&](const process::Process& ancestor) {
        seen.ancestors.emplace_back(ancestor.program());
        return true;
      });
    }
    if (event.other != nullptr) seen.other = event.other->name;
    if (event.session != nullptr) {
      seen.session = event.session->id;
      seen.reported = event.context->reported;
    }
    if (event.other_session != nullptr) seen.other_session = event.other_session->id;
    seen.listener = event.listener;
    seen.by_remote_login = event.by_remote_login();
    if (event.provenance != nullptr) seen.depth = event.provenance->depth;
    if (event.image_before != nullptr) seen.image_before = event.image_before->path;
    seen.has_connection = event.connection != nullptr;
    if (seen.has_connection) seen.connection = *event.connection;
    all.push_back(seen);
  }

  std::vector<Seen> Of(Activity kind) const {
    std::vector<Seen> result;
    for (const Seen& seen : all) {
      if (seen.kind == kind) result.push_back(seen);
    }
    return result;
  }

  std::vector<Seen> all;

 private:
  const Interests interests_;
};

class EnrichedEventsTest : public CorrelatorFixture {
 protected:
  EnrichedEventsTest() { Listen(Interests::All()); }

  void Listen(Interests interests) {
    consumer_ = std::make_unique<Consumer>(interests);
    Correlator::Options options;
    options.host = host_;
    options.clock = &clock_;
    options.host_pid_namespace = 100;
    correlator_ = std::make_unique<Correlator>(std::move(options), this, consumer_.get());
  }

  // The user's shell of a login by ssh.
  Name LogIn() {
    sshd_ = kernel_.StartSshd();
    entry_ = kernel_.Arrive();
    monitor_ = kernel_.Serve(sshd_, entry_, true);
    const Name shell = kernel_.LogIn(monitor_, "staff", 1000, 7, FakeKernel::AcceptedKey("staff"));
    kernel_.Exec(shell, "/bin/bash");
    return shell;
  }
  // The last event of that kind; the test fails where there is none.
  Seen Last(Activity kind) {
    const std::vector<Seen> seen = consumer_->Of(kind);
    EXPECT_FALSE(seen.empty());
    return seen.empty() ? Seen{} : seen.back();
  }

  std::unique_ptr<Consumer> consumer_;
  Name sshd_, monitor_;
  uint64_t entry_ = 0;
};

template <typename Body>
decode::Event Record(Body body) {
  return {.header = {}, .body = std::move(body)};
}
decode::Event TcpRecord(decode::TcpPhase phase, decode::TcpSide side = decode::TcpSide::kClient) {
  decode::Tcp tcp;
  tcp.phase = phase;
  tcp.side = side;
  return Record(tcp);
}

TEST(ActivityOfTest, EveryRecordHasAKindOfItsOwn) {
  decode::Accept handed_over;
  handed_over.handed_over = true;
  const decode::Event records[] = {
      Record(decode::Fork{}),
      Record(decode::Exec{}),
      Record(decode::Exit{}),
      TcpRecord(decode::TcpPhase::kListen),
      TcpRecord(decode::TcpPhase::kConnect),
      TcpRecord(decode::TcpPhase::kEstablished),
      TcpRecord(decode::TcpPhase::kEstablished, decode::TcpSide::kServer),
      TcpRecord(decode::TcpPhase::kFailed),
      TcpRecord(decode::TcpPhase::kClosed),
      Record(decode::Accept{}),
      Record(handed_over),
      Record(decode::Pam{}),
      Record(decode::SshdMessage{}),
      Record(decode::ProcessSnapshot{}),
      Record(decode::SocketSnapshot{}),
      Record(decode::SnapshotDone{}),
      Record(decode::Lost{}),
      Record(decode::UnixConnect{}),
      Record(decode::DatagramFlow{}),
      Record(decode::File{.action = decode::FileAction::kOpen}),
      Record(decode::File{.action = decode::FileAction::kRename}),
      Record(decode::CredentialsChange{}),
      Record(decode::NamespacesChange{}),
      Record(decode::Tampering{}),
  };
  std::set<Activity> kinds;
  for (const decode::Event& record : records) kinds.insert(ActivityOf(record));
  // Who asks for one kind alone gets it.
  FakeClock clock;
  process::ProcessTable processes;
  SessionSet sessions({.clock = &clock});
  ConnectionTable connections(8);
  for (const decode::Event& record : records) {
    Consumer consumer({ActivityOf(record)});
    EventEmitter emitter(&clock, &processes, &sessions, &connections, &consumer);
    for (const decode::Event& each : records) {
      emitter.Before(each);
      emitter.Emit(each);
    }
    EXPECT_EQ(consumer.all.size(), 1u) << static_cast<int>(ActivityOf(record));
    EXPECT_EQ(consumer.Of(ActivityOf(record)).size(), 1u);
  }
  EXPECT_EQ(kinds.size(), std::size(records));
  EXPECT_EQ(kinds.count(Activity::kUnknown), 0u);
  // With what the stage derives, these are all that there are.
  kinds.insert({Activity::kUnknown, Activity::kSessionChanged, Activity::kHopEnd,
                Activity::kLoginAttempt, Activity::kProvenanceKnown});
  EXPECT_EQ(kinds.size(), static_cast<size_t>(Activity::kCount));
}

TEST_F(EnrichedEventsTest, ExecOfARemoteLogin_HasSessionAncestorsAndWhatRanBefore) {
  const Name shell = LogIn();
  const Name child = kernel_.Fork(shell);
  kernel_.Exec(child, "/usr/bin/id");
  const Seen seen = Last(Activity::kProcessStarted);
  EXPECT_EQ(seen.process, child);
  EXPECT_EQ(seen.session, Id(monitor_));
  EXPECT_TRUE(seen.by_remote_login);
  EXPECT_TRUE(seen.reported);
  EXPECT_EQ(seen.image_before, "/bin/bash");
  EXPECT_EQ(seen.ancestors,
            (std::vector<std::string>{"/bin/bash", "/usr/sbin/sshd", "/usr/sbin/sshd", ""}))
      << "process 1 was there before the events";
}

TEST_F(EnrichedEventsTest, AncestorsOfALongChain_AreBounded) {
  Name process = LogIn();
  for (int i = 0; i < 100; ++i) process = kernel_.Fork(process);
  kernel_.Exec(process, "/usr/bin/id");
  EXPECT_EQ(Last(Activity::kProcessStarted).ancestors.size(),
            static_cast<size_t>(Lineage::kMaxDepth));
}

TEST_F(EnrichedEventsTest, ForkAndExit_NameBothProcesses) {
  const Name shell = LogIn();
  const Name child = kernel_.Fork(shell);
  Seen seen = Last(Activity::kProcessForked);
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
  const Name shell = LogIn();
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
    const Seen seen = Last(kind);
    EXPECT_EQ(seen.process, shell) << static_cast<int>(kind);
    EXPECT_EQ(seen.session, Id(monitor_)) << static_cast<int>(kind);
  }
}

TEST_F(EnrichedEventsTest, UnixConnect_NamesTheOwnerAndItsSession) {
  const Name shell = LogIn();
  const Name daemon = kernel_.Fork(kernel_.init());
  kernel_.Exec(daemon, "/usr/bin/dockerd");
  kernel_.ConnectUnix(shell, "/run/docker.sock", daemon, 0);
  const Seen seen = Last(Activity::kUnixConnected);
  EXPECT_EQ(seen.session, Id(monitor_));
  EXPECT_EQ(seen.other, daemon);
  EXPECT_EQ(seen.other_session, Id(daemon));
}

TEST_F(EnrichedEventsTest, ConnectionFromASession_IsSeenFromAttemptToClose) {
  const Name shell = LogIn();
  const uint64_t socket = kernel_.Connect(shell, "192.0.2.2", 443);
  Seen seen = Last(Activity::kConnectionAttempted);
  EXPECT_EQ(seen.process, shell);
  ASSERT_TRUE(seen.has_connection);
  EXPECT_TRUE(seen.connection.hop_key.empty());
  // Established outside of any process: the owner's it is.
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
  const Name shell = LogIn();
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
  const Seen seen = Last(Activity::kConnectionFailed);
  EXPECT_EQ(seen.process, shell);
  ASSERT_TRUE(seen.has_connection);
  EXPECT_EQ(seen.connection.flow.server.port, 5432);
}

TEST_F(EnrichedEventsTest, AcceptedAndHandedOverConnections_AreSeenWithWhoHasThem) {
  LogIn();
  Seen seen = Last(Activity::kConnectionAccepted);
  EXPECT_EQ(seen.process, sshd_);
  EXPECT_EQ(seen.connection.socket, entry_);
  EXPECT_EQ(Last(Activity::kConnectionArrived).connection.socket, entry_);
  EXPECT_EQ(Last(Activity::kListening).process, sshd_);
  const Name a = kernel_.Fork(kernel_.init());
  kernel_.Exec(a, "/usr/sbin/front");
  const Name b = kernel_.Fork(kernel_.init());
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
  const Seen attempt = Last(Activity::kLoginAttempt);
  EXPECT_EQ(attempt.session, Id(monitor_));
  EXPECT_EQ(attempt.listener, Id(sshd_));
  EXPECT_TRUE(attempt.derived);
  const Seen session = Last(Activity::kSessionChanged);
  EXPECT_EQ(session.session, Id(monitor_));
  EXPECT_TRUE(session.by_remote_login);
  EXPECT_TRUE(session.reported);
  EXPECT_EQ(Last(Activity::kHopEnd).session, Id(monitor_));
}

TEST_F(EnrichedEventsTest, Provenance_IsSeenWhenItComesAndOnWhatFollows) {
  const Name shell = LogIn();
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
  const Name monitor = kernel_.Serve(kernel_.StartSshd(), kernel_.Arrive(), true);
  EXPECT_FALSE(IsTold(monitor));
  const Name agent = kernel_.Fork(kernel_.init());
  decode::Tampering tampering;
  tampering.kind = decode::TamperingKind::kPtrace;
  tampering.target = agent;
  kernel_.TellOf(monitor, "sshd", tampering);
  const Seen seen = Last(Activity::kSensorTouched);
  EXPECT_EQ(seen.session, Id(monitor));
  EXPECT_TRUE(seen.reported);
  EXPECT_EQ(seen.other, agent);
}

TEST_F(EnrichedEventsTest, LostExit_IsFoundByTheSnapshot) {
  const Name sshd = kernel_.StartSshd();
  const Name gone = kernel_.Fork(kernel_.init());
  kernel_.Exec(gone, "/usr/sbin/cron");
  const auto out = std::exchange(kernel_.out, nullptr);
  kernel_.Exit(gone);
  kernel_.out = out;
  kernel_.Emit({}, decode::Lost{"ring/high", "exit", 1});
  kernel_.Snapshot();
  const Seen seen = Last(Activity::kProcessEnded);
  EXPECT_EQ(seen.process, gone);
  EXPECT_EQ(seen.session, Id(gone));
  EXPECT_TRUE(seen.derived);
  EXPECT_EQ(consumer_->Of(Activity::kRecordsLost).size(), 1u);
  EXPECT_EQ(consumer_->Of(Activity::kSnapshotDone).size(), 1u);
  EXPECT_FALSE(consumer_->Of(Activity::kSnapshotProcess).empty());
  EXPECT_EQ(Last(Activity::kSnapshotSocket).process, sshd);
}

TEST_F(EnrichedEventsTest, LostClose_IsFoundWhenTheSocketIsUsedAgain) {
  const Name shell = LogIn();
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
  const Seen seen = Last(Activity::kConnectionClosed);
  EXPECT_TRUE(seen.derived);
  EXPECT_EQ(seen.session, Id(monitor_));
  EXPECT_EQ(seen.connection.flow.server.port, 5432);
}

TEST_F(EnrichedEventsTest, SessionThatCloses_IsSeen) {
  const Name daemon = kernel_.Fork(kernel_.init());
  kernel_.Exec(daemon, "/usr/sbin/cron");
  const size_t before = consumer_->Of(Activity::kSessionChanged).size();
  kernel_.Exit(daemon);
  const std::vector<Seen> after = consumer_->Of(Activity::kSessionChanged);
  ASSERT_EQ(after.size(), before + 1);
  EXPECT_EQ(after.back().session, Id(daemon));
}

TEST_F(EnrichedEventsTest, ConsumerOfOneKind_HearsOfNoOther) {
  Listen({Activity::kHopEnd});
  const Name shell = LogIn();
  kernel_.Connect(shell, "192.0.2.2", 22);
  ASSERT_FALSE(consumer_->all.empty());
  EXPECT_EQ(consumer_->all.size(), consumer_->Of(Activity::kHopEnd).size());
}

}  // namespace
}  // namespace hoptrail::agent::session
