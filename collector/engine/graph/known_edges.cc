#include "collector/engine/graph/known_edges.h"

namespace hoptrail::collector::engine {

std::optional<model::SessionId> KnownEdges::Learn(const Edge& edge, const model::SessionId& session,
                                                  int64_t wall_ns) {
  const std::pair<int64_t, model::SessionId> candidate{wall_ns, session};
  auto it = first_.find(edge);
  if (it == first_.end()) {
    if (first_.size() < max_) first_.emplace(edge, candidate);
    return std::nullopt;
  }
  if (it->second <= candidate) return std::nullopt;
  const model::SessionId replaced = it->second.second;
  it->second = candidate;
  if (replaced == session) return std::nullopt;
  return replaced;
}

model::SessionId KnownEdges::First(const Edge& edge) const {
  auto it = first_.find(edge);
  return it == first_.end() ? model::SessionId{} : it->second.second;
}

}  // namespace hoptrail::collector::engine
