#include "collector/engine/incident/incident_registry.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace hoptrail::collector::engine {
namespace {

constexpr char kWithdrawn[] = "hoptrail: its detections were withdrawn";

}  // namespace

void IncidentRegistry::Update(const PathState& path,
                              const absl::flat_hash_set<model::DetectionId>& escalated,
                              int64_t now_ns) {
  bool serious = false;
  for (const model::Detection* detection : path.detections) {
    serious = serious || detection->severity >= minimum_;
  }
  if (path.anchors.empty()) {
    if (!serious) return;
    Open(path, now_ns);
    return;
  }
  const model::Incident* surviving = Surviving(path.anchors);
  if (surviving == nullptr) return;
  MergeOthers(path, surviving->id, now_ns);

  model::Incident incident = *surviving;
  if (!incident.merged_into.empty()) {  // the path split again
    incident.merged_into = {};
    incident.state = model::IncidentState::kOpen;
    incident.changed_by.clear();
  }
  incident.root = path.root;
  incident.title = path.title;
  incident.sessions = path.sessions;
  incident.severity = model::Severity::kUnknown;
  absl::flat_hash_set<model::DetectionId> present;
  bool worse = false;
  for (const model::Detection* detection : path.detections) {
    present.insert(detection->id);
    incident.severity = std::max(incident.severity, detection->severity);
    worse = worse || (detection->severity >= minimum_ && escalated.contains(detection->id));
  }
  auto& listed = incident.detections;
  const size_t before = listed.size();
  listed.erase(std::remove_if(listed.begin(), listed.end(),
                              [&](const auto& id) { return !present.contains(id); }),
               listed.end());
  const bool lost = listed.size() < before;
  absl::flat_hash_set<model::DetectionId> known(listed.begin(), listed.end());
  for (const model::Detection* detection : path.detections) {
    if (known.contains(detection->id)) continue;
    listed.push_back(detection->id);
    worse = worse || detection->severity >= minimum_;
  }
  if (incident.state == model::IncidentState::kResolved && worse) {
    incident.state = model::IncidentState::kOpen;
    incident.changed_by.clear();
  } else if (incident.state != model::IncidentState::kResolved && lost && !serious) {
    incident.state = model::IncidentState::kResolved;
    incident.changed_by = kWithdrawn;
  }
  if (incident == *surviving) return;
  incident.updated_wall_ns = now_ns;
  changed_.insert(incident.id);
  incidents_[incident.id] = std::move(incident);
}

absl::Status IncidentRegistry::SetState(const model::IncidentId& id, model::IncidentState state,
                                        absl::string_view who, int64_t now_ns) {
  auto it = incidents_.find(id);
  if (it == incidents_.end()) {
    return absl::NotFoundError(absl::StrCat("no incident ", model::ToString(id)));
  }
  model::Incident& incident = it->second;
  if (state == model::IncidentState::kUnknown) {
    return absl::InvalidArgumentError("an incident is open, acknowledged or resolved");
  }
  if (incident.state == state) return absl::OkStatus();
  if (!incident.merged_into.empty()) {
    return absl::FailedPreconditionError(absl::StrCat("incident ", model::ToString(id),
                                                      " was merged into ",
                                                      model::ToString(incident.merged_into)));
  }
  if (state == model::IncidentState::kAcknowledged &&
      incident.state == model::IncidentState::kResolved) {
    return absl::FailedPreconditionError(
        absl::StrCat("incident ", model::ToString(id), " is resolved"));
  }
  incident.state = state;
  incident.changed_by = std::string(who.data(), who.size());
  incident.updated_wall_ns = now_ns;
  changed_.insert(id);
  return absl::OkStatus();
}

void IncidentRegistry::Restore(const model::Incident& incident) {
  incidents_[incident.id] = incident;
}

void IncidentRegistry::Forget(const model::SessionId& anchor) {
  const model::IncidentId id = model::DeriveIncidentId(anchor);
  incidents_.erase(id);
  changed_.erase(id);
}

const model::Incident* IncidentRegistry::Find(const model::IncidentId& id) const {
  auto it = incidents_.find(id);
  return it == incidents_.end() ? nullptr : &it->second;
}

const model::Incident* IncidentRegistry::Surviving(
    const std::vector<model::SessionId>& anchors) const {
  const model::Incident* oldest = nullptr;
  for (const model::SessionId& anchor : anchors) {
    const model::Incident* incident = Find(model::DeriveIncidentId(anchor));
    if (incident == nullptr) continue;
    if (oldest == nullptr || std::tie(incident->opened_wall_ns, incident->id) <
                                 std::tie(oldest->opened_wall_ns, oldest->id)) {
      oldest = incident;
    }
  }
  return oldest;
}

std::vector<model::IncidentId> IncidentRegistry::TakeChanged() {
  std::vector<model::IncidentId> changed(changed_.begin(), changed_.end());
  changed_.clear();
  return changed;
}

std::vector<model::SessionId> IncidentRegistry::TakeNewAnchors() {
  std::vector<model::SessionId> anchors;
  anchors.swap(new_anchors_);
  return anchors;
}

model::SessionId IncidentRegistry::AnchorOf(const model::Incident& incident) {
  for (const model::SessionId& session : incident.sessions) {
    if (model::DeriveIncidentId(session) == incident.id) return session;
  }
  return incident.root;
}

void IncidentRegistry::Open(const PathState& path, int64_t now_ns) {
  model::Incident incident;
  incident.id = model::DeriveIncidentId(path.root);
  incident.root = path.root;
  incident.state = model::IncidentState::kOpen;
  incident.title = path.title;
  incident.sessions = path.sessions;
  incident.opened_wall_ns = now_ns;
  incident.updated_wall_ns = now_ns;
  for (const model::Detection* detection : path.detections) {
    incident.severity = std::max(incident.severity, detection->severity);
    incident.detections.push_back(detection->id);
  }
  changed_.insert(incident.id);
  new_anchors_.push_back(path.root);
  incidents_[incident.id] = std::move(incident);
}

void IncidentRegistry::MergeOthers(const PathState& path, const model::IncidentId& into,
                                   int64_t now_ns) {
  for (const model::SessionId& anchor : path.anchors) {
    auto it = incidents_.find(model::DeriveIncidentId(anchor));
    if (it == incidents_.end() || it->first == into || it->second.merged_into == into) continue;
    it->second.merged_into = into;
    it->second.state = model::IncidentState::kResolved;
    it->second.updated_wall_ns = now_ns;
    changed_.insert(it->first);
  }
}

}  // namespace hoptrail::collector::engine
