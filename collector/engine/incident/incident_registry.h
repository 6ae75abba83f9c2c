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

// The incidents, one a path. An incident is named after the session that was its path's root when
// it was opened, its anchor, and belongs to whatever path its anchor is on now. Where two anchors
// meet on one path, the incident that was opened first goes on and the other is merged into it;
// should the path turn out to be two after all, the merged one comes back. Not thread-safe.
class IncidentRegistry {
 public:
  explicit IncidentRegistry(model::Severity minimum) : minimum_(minimum) {}

  // A path as it stands, for its incident.
  struct PathState {
    model::SessionId root;
    std::vector<model::SessionId> anchors;  // sessions on it that an incident is named after
    std::vector<const model::Detection*> detections;  // on it, in order of time
    std::vector<model::SessionId> sessions;           // root first
    std::string title;
  };

  // Opens, grows, merges, reopens or resolves. `escalated`: detections that are new or worse than
  // they were; one of them of at least the minimum severity opens a resolved incident again. An
  // incident whose last such detection was withdrawn is resolved.
  void Update(const PathState& path, const absl::flat_hash_set<model::DetectionId>& escalated,
              int64_t now_ns);

  // NOT_FOUND; FAILED_PRECONDITION; INVALID_ARGUMENT: see Engine::SetIncidentState.
  absl::Status SetState(const model::IncidentId& id, model::IncidentState state,
                        absl::string_view who, int64_t now_ns);

  // What has opened stays.
  void SetMinimum(model::Severity minimum) { minimum_ = minimum; }
  void Restore(const model::Incident& incident);
  void Forget(const model::SessionId& anchor);

  const model::Incident* Find(const model::IncidentId& id) const;
  bool IsAnchor(const model::SessionId& session) const {
    return incidents_.contains(model::DeriveIncidentId(session));
  }
  // The one that goes on among those named after `anchors`; null where there is none.
  const model::Incident* Surviving(const std::vector<model::SessionId>& anchors) const;
  // Incidents that changed since the last call, in order of their ids.
  std::vector<model::IncidentId> TakeChanged();
  // Homes of incidents opened since the last call.
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
