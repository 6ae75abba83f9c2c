#include "collector/engine/suspicion.h"

#include <cstdint>
#include <optional>
#include <tuple>

namespace hoptrail::collector::engine {
namespace {

bool IsOpenLogin(const model::Session& session) {
  const bool person = (session.kind == model::EntryKind::kRemote && session.logged_in) ||
                      session.kind == model::EntryKind::kConsole;
  return person && session.closed_wall_ns == 0;
}

}  // namespace

Suspicion FindSuspect(const EngineState& state, const model::HostId& host) {
  Suspicion result;
  const auto sessions = state.graph.by_host.find(host);
  if (sessions == state.graph.by_host.end()) return result;
  std::optional<std::tuple<bool, uint32_t, uint64_t, model::SessionId>> best;
  size_t open = 0;
  for (const model::SessionId& id : sessions->second) {
    const SessionNode& node = *state.graph.Find(id);
    if (!node.value.has_value() || !IsOpenLogin(*node.value)) continue;
    ++open;
    const auto rank = std::make_tuple(!state.IncidentOf(id).empty(), state.graph.lineage.Depth(id),
                                      node.value->opened_boot_ns, id);
    if (best.has_value() && rank < *best) continue;
    best = rank;
    result.suspect = &node;
  }
  result.others = open > 0 ? open - 1 : 0;
  return result;
}

Suspicion FindSuspect(const EngineState& state, const model::HostId& host,
                      const model::Goodbye& goodbye) {
  Suspicion result = FindSuspect(state, host);
  const SessionNode* named = state.graph.Find(goodbye.session);
  if (named == nullptr || !named->value.has_value() || named->host != host) return result;
  if (result.suspect != nullptr && !IsOpenLogin(*named->value)) ++result.others;
  result.suspect = named;
  result.named = true;
  return result;
}

}  // namespace hoptrail::collector::engine
