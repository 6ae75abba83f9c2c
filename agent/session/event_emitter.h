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

// Emits enriched events: looks up the context of an event that the sink wants. Any other event
// costs a bit test. Allocates nothing for an event of a record. Not thread-safe.
class EventEmitter {
 public:
  // All outlive it.
  struct Dependencies {
    const Clock* clock = nullptr;
    process::ProcessTable* processes = nullptr;
    SessionSet* sessions = nullptr;
    ConnectionTable* connections = nullptr;
    EventSink* sink = nullptr;  // may be null
  };

  explicit EventEmitter(const Dependencies& dependencies);

  bool Wants(Activity kind) const { return interests_.Contains(kind); }

  // To be called before and after the stage handles a record. Before() keeps what the handling
  // replaces (an image, a connection that closes), Emit() emits.
  void Before(const decode::Event& event) {
    wanted_ = (records_ >> event.body.index() & 1) != 0 && Prepare(event);
  }
  void Emit(const decode::Event& event) {
    if (wanted_) EmitWanted(event);
  }

  // Events that the stage derives.
  void SessionChanged(const Node& node, uint64_t boot_ns);
  void HopEndReported(const model::HopEnd& hop, uint64_t boot_ns);
  void LoginAttempted(const model::LoginAttempt& attempt, const model::SessionId& listener,
                      uint64_t boot_ns);
  void ProvenanceKnown(const Node& node, uint64_t boot_ns);

  // The exit of a process or the close of a connection was lost. EmitLostEnds() emits the event.
  void AddLostExit(const model::ProcessKey& process);
  void AddLostClose(const Connection& connection);
  void EmitLostEnds(uint64_t boot_ns) {
    if (!ended_.empty() || !closed_.empty()) EmitAllLostEnds(boot_ns);
  }

 private:
  bool Prepare(const decode::Event& event);
  void EmitWanted(const decode::Event& event);
  void EmitAllLostEnds(uint64_t boot_ns);
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
  const uint64_t records_;  // see RecordsOf()
  // The record that is being handled.
  bool wanted_ = false;
  Activity kind_ = Activity::kUnknown;
  std::shared_ptr<const model::Image> image_before_;
  ConnectionView connection_;
  bool has_connection_ = false;
  model::ProcessKey owner_;  // of `connection_`
  // Since the last EmitLostEnds().
  std::vector<model::ProcessKey> ended_;
  std::vector<ConnectionView> closed_;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_EVENT_EMITTER_H_
