#ifndef HOPTRAIL_AGENT_SESSION_ENRICHED_EVENT_H_
#define HOPTRAIL_AGENT_SESSION_ENRICHED_EVENT_H_

#include <cstdint>
#include <variant>

#include "agent/decode/event.h"
#include "agent/process/process_table.h"
#include "agent/session/activity.h"
#include "agent/session/session_context.h"
#include "core/base/clock.h"
#include "core/model/fact.h"

namespace hoptrail::agent::session {

// Looks up the ancestors of a process as far as a consumer walks. A view of the process table.
class Lineage {
 public:
  static constexpr int kMaxDepth = 32;

  Lineage() = default;
  explicit Lineage(const process::ProcessTable* processes) : processes_(processes) {}

  // The parent at the fork. Null if unknown.
  const process::Process* ParentOf(const process::Process& process) const {
    return processes_ == nullptr ? nullptr : processes_->Find(process.parent);
  }

  // Calls `visitor(const process::Process&)` for each ancestor, the parent first, until it returns
  // false or kMaxDepth ancestors were visited.
  template <typename Visitor>
  void ForEachAncestor(const process::Process& process, Visitor visitor) const {
    const process::Process* ancestor = ParentOf(process);
    for (int i = 0; ancestor != nullptr && i < kMaxDepth; ++i) {
      if (!visitor(*ancestor)) return;
      ancestor = ParentOf(*ancestor);
    }
  }

 private:
  const process::ProcessTable* processes_ = nullptr;
};

// A TCP connection as it is after the event, or as it was before it closed.
struct ConnectionView {
  uint64_t socket = 0;
  model::HopSide side = model::HopSide::kUnknown;
  model::Flow flow;
  model::HopKey hop_key;  // empty until it is established
  uint32_t network_namespace = 0;
  uint32_t rtt_us = 0;
  uint64_t established_boot_ns = 0;  // 0 if that was not seen
  uint64_t bytes_sent = 0;           // set when it is closed
  uint64_t bytes_received = 0;
  model::SessionId session;  // that connected, or that it opened or drives; may be empty
  bool opened_session = false;
};

// One event and its context. A view: valid during the call only. The session stage fills in all
// that it knows, so that no consumer has to ask it. Pointers are null if there is no such thing.
struct EnrichedEvent {
  Activity kind = Activity::kUnknown;
  uint64_t boot_ns = 0;
  const Clock* clock = nullptr;
  // The kernel side's record. Null if the stage derived the event, for example the end of a process
  // whose exit was lost.
  const decode::Event* event = nullptr;

  // The acting process, as it is after the event. For an event of a connection that does not run in
  // the context of its process: the connection's owner, if that is known.
  const process::Process* process = nullptr;
  Lineage lineage;
  // The session of the process; without one, the session of the connection.
  const model::Session* session = nullptr;
  const SessionContext* context = nullptr;        // set if `session` is
  const model::Provenance* provenance = nullptr;  // of `session`
  // kProcessStarted: the program that the process ran before, which it may have from its parent.
  const model::Image* image_before = nullptr;
  // The other process: the child of a fork, the target of a signal or of a trace, the owner of a
  // UNIX socket.
  const process::Process* other = nullptr;
  const model::Session* other_session = nullptr;
  const ConnectionView* connection = nullptr;

  const model::HopEnd* hop = nullptr;            // kHopEnd
  const model::LoginAttempt* attempt = nullptr;  // kLoginAttempt
  // kLoginAttempt: the session of the process that listens for such connections. For an attempt
  // that came by no connection: the attempt's own session.
  model::SessionId listener;

  int64_t wall_ns() const { return clock->WallFromBoot(boot_ns); }
  // The record's body; null if it has another type.
  template <typename Body>
  const Body* As() const {
    return event == nullptr ? nullptr : std::get_if<Body>(&event->body);
  }
  bool by_remote_login() const { return session != nullptr && IsRemoteLogin(*session, *context); }
  bool by_login() const { return session != nullptr && IsLogin(*session, *context); }
};

// Consumes enriched events. Called on the stage's thread, after the facts that follow from the
// event have gone to Output.
class EventSink {
 public:
  virtual ~EventSink() = default;

  // Called once, at the start. Events of other kinds are neither enriched nor passed on.
  virtual Interests interests() const = 0;
  virtual void OnEvent(const EnrichedEvent& event) = 0;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_ENRICHED_EVENT_H_
