#include "agent/rules/reported_detections.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "core/detect/evidence.h"

namespace hoptrail::agent::rules {
namespace {

void AddProvenance(const model::Provenance& provenance, model::Severity down_a_path,
                   model::Detection* detection) {
  if (provenance.depth >= 1) detection->severity = std::max(detection->severity, down_a_path);
  detect::AddEvidence(*detection, "path", absl::StrJoin(provenance.path, " → "));
  detect::AddEvidence(*detection, "depth", absl::StrCat(provenance.depth));
}

}  // namespace

bool ReportedDetections::Contains(const model::SessionId& session,
                                  const model::DetectionId& id) const {
  const auto found = by_session_.find(session);
  return found != by_session_.end() &&
         std::any_of(found->second.begin(), found->second.end(),
                     [&](const model::Detection& known) { return known.id == id; });
}

void ReportedDetections::Report(const session::EnrichedEvent& event, model::Detection detection,
                                DetectionSink& out) {
  if (event.provenance != nullptr) AddProvenance(*event.provenance, down_a_path_, &detection);
  const auto [found, added] = by_session_.try_emplace(detection.session);
  if (found->second.size() < kMaxPerSession) found->second.push_back(detection);
  if (added) {
    order_.push_back(detection.session);
    if (order_.size() > kMaxSessions) {
      by_session_.erase(order_.front());
      order_.pop_front();
    }
  }
  out.OnDetection(std::move(detection));
}

void ReportedDetections::OnProvenance(const session::EnrichedEvent& event, DetectionSink& out) {
  const auto found = by_session_.find(event.session->id);
  if (found == by_session_.end()) return;
  for (model::Detection& detection : found->second) {
    const model::Detection before = detection;
    AddProvenance(*event.provenance, down_a_path_, &detection);
    if (detection != before) out.OnDetection(detection);
  }
}

}  // namespace hoptrail::agent::rules
