#include "collector/engine/changes.h"

#include <algorithm>
#include <utility>

namespace hoptrail::collector::engine {

void Changes::Emit(const GraphState& graph_state, IncidentRegistry* incidents, Outcome* outcome) {
  for (const model::SessionId& id : sessions) {
    const SessionNode* node = graph_state.Find(id);
    if (node != nullptr && node->value.has_value()) outcome->sessions.push_back(*node->value);
  }
  for (const graph::HopId& key : removed_hops) {
    outcome->removed_hops.push_back(key);
    // An earlier call may have appended the hop to the same outcome.
    outcome->hops.erase(std::remove_if(outcome->hops.begin(), outcome->hops.end(),
                                       [&](const StoredHop& hop) { return hop.key == key; }),
                        outcome->hops.end());
  }
  for (auto& [key, hop] : hops) outcome->hops.push_back({key, std::move(hop)});
  for (const model::DetectionId& id : detections) {
    auto it = graph_state.detections.find(id);
    if (it != graph_state.detections.end()) outcome->detections.push_back(it->second);
  }
  for (const model::IncidentId& id : incidents->TakeChanged()) {
    outcome->incidents.push_back(*incidents->Find(id));
  }
  for (auto& [id, value] : provenance) {
    const SessionNode* node = graph_state.Find(id);
    if (node != nullptr) outcome->provenance.emplace_back(node->host, std::move(value));
  }
  for (const auto& [host, offset] : clock_offsets) outcome->clock_offsets.push_back(offset);
  for (const auto& [claim, count] : refusals) {
    outcome->refusals.push_back({claim.first, claim.second, count});
  }
  sessions.clear();
  refusals.clear();
  hops.clear();
  removed_hops.clear();
  detections.clear();
  provenance.clear();
  clock_offsets.clear();
}

}  // namespace hoptrail::collector::engine
