#ifndef HOPTRAIL_AGENT_SESSION_EVENT_RECORDER_H_
#define HOPTRAIL_AGENT_SESSION_EVENT_RECORDER_H_

// For tests: a consumer of enriched events.

#include <cstdint>
#include <string>
#include <vector>

#include "agent/session/enriched_event.h"

namespace hoptrail::agent::session {

// The values of an enriched event that a test compares; the event itself is gone after the call.
struct SeenEvent {
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

// Keeps the events of the given kinds.
class EventRecorder : public EventSink {
 public:
  explicit EventRecorder(Interests interests) : interests_(interests) {}

  Interests interests() const override { return interests_; }
  void OnEvent(const EnrichedEvent& event) override {
    SeenEvent seen{};
    seen.kind = event.kind;
    seen.derived = event.event == nullptr;
    if (event.process != nullptr) {
      seen.process = event.process->key;
      event.lineage.ForEachAncestor(*event.process, [&](const process::Process& ancestor) {
        seen.ancestors.emplace_back(ancestor.program());
        return true;
      });
    }
    if (event.other != nullptr) seen.other = event.other->key;
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

  std::vector<SeenEvent> Of(Activity kind) const {
    std::vector<SeenEvent> result;
    for (const SeenEvent& seen : all) {
      if (seen.kind == kind) result.push_back(seen);
    }
    return result;
  }

  std::vector<SeenEvent> all;

 private:
  const Interests interests_;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_EVENT_RECORDER_H_
