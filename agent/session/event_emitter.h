#ifndef HOPTRAIL_AGENT_SESSION_EVENT_EMITTER_H_
#define HOPTRAIL_AGENT_SESSION_EVENT_EMITTER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "agent/decode/event.h"
#include "agent/process/process_table.h"
#include "agent/session/connection_table.h"
#include "agent/session/enriched_event.h"
#include "agent/session/session_set.h"
#include "core/base/clock.h"

namespace hoptrail::agent::session {

// Which kind of enriched event a record becomes.
Activity ActivityOf(const decode::Event& event);

// Emits enriched events: looks up what the stage knows of an event that somebody asked for, and
// costs a bit test for any other. Allocates nothing for an event. Not thread-safe.
class EventEmitter {
 public:
  // All but `sink` outlive it; `sink` may be null.
  EventEmitter(const Clock* clock, process::ProcessTable* processes, SessionSet* sessions,
               ConnectionTable* connections, EventSink* sink);

  bool Wants(Activity kind) const { return interests_.Contains(kind); }

  // Around the stage's handling of a record: keeps what the handling will replace (an image, a
  // connection that closes), then emits.
  void Before(const decode::Event& event) {
    wanted_ = (records_ >> event.body.index() & 1) != 0 && Prepare(event);
  }
  void Emit(const decode::Event& event) {
    if (wanted_) EmitWanted(event);
  }

  // What the stage derived. Pointers are the caller's.
  void SessionChanged(const Node& node, uint64_t boot_ns);
  void HopEndReported(const model::HopEnd& hop, uint64_t boot_ns);
  void LoginAttempted(const model::LoginAttempt& attempt, const model::SessionId& listener,
                      uint64_t boot_ns);
  void ProvenanceKnown(const Node& node, uint64_t boot_ns);

  // What was found to be over without a record that says so. Emitted by EmitFound().
  void FoundEnded(const model::ProcessKey& process);
  void FoundClosed(const Connection& connection);
  void EmitFound(uint64_t boot_ns) {
    if (!ended_.empty() || !closed_.empty()) EmitAllFound(boot_ns);
  }

 private:
  bool Prepare(const decode::Event& event);
  void EmitWanted(const decode::Event& event);
  void EmitAllFound(uint64_t boot_ns);
  static ConnectionView ViewOf(const Connection& connection);
  EnrichedEvent Begin(Activity kind, uint64_t boot_ns) const;
  void SetSession(const Node* node, EnrichedEvent* enriched) const;
  void SetProcess(const process::Process* process, EnrichedEvent* enriched) const;
  void SetOther(const model::ProcessKey& other, EnrichedEvent* enriched) const;
  void SetConnection(const decode::Event& event, EnrichedEvent* enriched);

  const Clock* const clock_;
  process::ProcessTable* const processes_;
  SessionSet* const sessions_;
  ConnectionTable* const connections_;
  EventSink* const sink_;
  const Interests interests_;
  const uint64_t records_;  // a bit for each type of record some of which are wanted, by its index
  // Of the record in hand.
  bool wanted_ = false;
  Activity kind_ = Activity::kUnknown;
  std::shared_ptr<const model::Image> image_before_;
  ConnectionView connection_;
  bool has_connection_ = false;
  model::ProcessKey owner_;  // of `connection_`
  std::vector<model::ProcessKey> ended_;
  std::vector<ConnectionView> closed_;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_EVENT_EMITTER_H_
