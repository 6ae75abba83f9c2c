#include "agent/session/activity_records.h"

#include <iterator>
#include <set>
#include <utility>

#include <gtest/gtest.h>

#include "agent/session/event_emitter.h"
#include "agent/session/event_recorder.h"

namespace hoptrail::agent::session {
namespace {

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

TEST(ActivityRecordsTest, EveryRecord_HasAKindOfItsOwnThatCanBeSubscribed) {
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
      Record(decode::Trace{}),
  };
  std::set<Activity> kinds;
  for (const decode::Event& record : records) kinds.insert(ActivityOf(record));
  // A consumer of one kind gets the event of that kind only.
  FakeClock clock;
  process::ProcessTable processes;
  SessionSet sessions({.clock = &clock});
  ConnectionTable connections(8);
  for (const decode::Event& record : records) {
    EventRecorder recorder({ActivityOf(record)});
    EventEmitter emitter({.clock = &clock,
                          .processes = &processes,
                          .sessions = &sessions,
                          .connections = &connections,
                          .sink = &recorder});
    for (const decode::Event& each : records) {
      emitter.Before(each);
      emitter.Emit(each);
    }
    EXPECT_EQ(recorder.all.size(), 1u) << static_cast<int>(ActivityOf(record));
    EXPECT_EQ(recorder.Of(ActivityOf(record)).size(), 1u);
  }
  EXPECT_EQ(kinds.size(), std::size(records));
  EXPECT_EQ(kinds.count(Activity::kUnknown), 0u);
  // Together with the kinds that the stage derives, these are all kinds.
  kinds.insert({Activity::kUnknown, Activity::kSessionChanged, Activity::kHopEnd,
                Activity::kLoginAttempt, Activity::kProvenanceKnown});
  EXPECT_EQ(kinds.size(), static_cast<size_t>(Activity::kCount));
}

}  // namespace
}  // namespace hoptrail::agent::session
