#ifndef HOPTRAIL_COLLECTOR_ENGINE_INCIDENT_INCIDENT_REGISTRY_H_
#define HOPTRAIL_COLLECTOR_ENGINE_INCIDENT_INCIDENT_REGISTRY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "core/model/detection.h"

namespace hoptrail::collector::engine {

// The incidents, one a path. The anchor of an incident is the session that was the root of its path
// when it opened; its id derives from the anchor. An incident belongs to the path that its anchor
// is on now. When two anchors meet on one path, the incident that opened first continues and the
// other is merged into it. When that path splits again, the merged incident reopens. Not
// thread-safe.
class IncidentRegistry {
 public:
  explicit IncidentRegistry(model::Severity minimum) : minimum_(minimum) {}

  // The present state of a path.
  struct PathState {
    model::SessionId root;
    std::vector<model::SessionId> anchors;            // sessions on it that are anchors
    std::vector<const model::Detection*> detections;  // on it, by time
    std::vector<model::SessionId> sessions;           // root first
    std::string title;
  };

  // Opens, extends, merges, reopens or resolves the path's incident. `escalated`: detections that
  // are new or became worse; one of at least the minimum severity reopens a resolved incident. An
  // incident is resolved when its last detection of that severity was withdrawn.
  void Update(const PathState& path, const absl::flat_hash_set<model::DetectionId>& escalated,
              int64_t now_ns);

  // NOT_FOUND; FAILED_PRECONDITION; INVALID_ARGUMENT: see Engine::SetIncidentState.
  absl::Status SetState(const model::IncidentId& id, model::IncidentState state,
                        absl::string_view who, int64_t now_ns);

  // Keeps the incidents that are open already.
  void SetMinimum(model::Severity minimum) { minimum_ = minimum; }
  void Restore(const model::Incident& incident);
  void Forget(const model::SessionId& anchor);

  const model::Incident* Find(const model::IncidentId& id) const;
  bool IsAnchor(const model::SessionId& session) const {
    return incidents_.contains(model::DeriveIncidentId(session));
  }
  // The incident that continues among those of `anchors`; null if there is none.
  const model::Incident* Surviving(const std::vector<model::SessionId>& anchors) const;
  // Incidents that changed since the last call, in order of their ids.
  std::vector<model::IncidentId> TakeChanged();
  // Anchors of the incidents that opened since the last call.
  std::vector<model::SessionId> TakeNewAnchors();
  size_t size() const { return incidents_.size(); }
  static model::SessionId AnchorOf(const model::Incident& incident);

 private:
  void Open(const PathState& path, int64_t now_ns);
  void MergeOthers(const PathState& path, const model::IncidentId& into, int64_t now_ns);

  model::Severity minimum_;
  absl::flat_hash_map<model::IncidentId, model::Incident> incidents_;
  absl::btree_set<model::IncidentId> changed_;
  std::vector<model::SessionId> new_anchors_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_INCIDENT_INCIDENT_REGISTRY_H_
