// What happened to an agent, and whom it is tied to. Where nobody was logged in it is no detection:
// the host's health shows it.

#include <optional>
#include <tuple>
#include <utility>

#include "collector/engine/engine_impl.h"

namespace hoptrail::collector::engine {
namespace {

bool Open(const model::Session& session) {
  const bool person = (session.kind == model::EntryKind::kRemote && session.logged_in) ||
                      session.kind == model::EntryKind::kConsole;
  return person && session.closed_wall_ns == 0;
}

}  // namespace

// Suspected most is the session that is on an incident's path already, then the one that came from
// furthest, then the one that was opened last.
Engine::Impl::Suspicion Engine::Impl::Suspect(const model::HostId& host) const {
  Suspicion result;
  const auto sessions = graph_.by_host.find(host);
  if (sessions == graph_.by_host.end()) return result;
  std::optional<std::tuple<bool, uint32_t, uint64_t, model::SessionId>> best;
  size_t open = 0;
  for (const model::SessionId& id : sessions->second) {
    const SessionNode& node = *graph_.Find(id);
    if (!node.value.has_value() || !Open(*node.value)) continue;
    ++open;
    const auto rank = std::make_tuple(!IncidentOf(id).empty(), graph_.lineage.Depth(id),
                                      node.value->opened_boot_ns, id);
    if (best.has_value() && rank < *best) continue;
    best = rank;
    result.suspect = &node;
  }
  result.others = open > 0 ? open - 1 : 0;
  return result;
}

void Engine::Impl::JudgeTrouble(const Suspicion& suspicion, AgentTrouble trouble) {
  if (suspicion.suspect == nullptr || !rules_->Wants(rules::kAgentTrouble)) return;
  trouble.wall_ns = WallNow();
  trouble.suspect = graph_.StepOf(suspicion.suspect->value->id);
  trouble.other_sessions = suspicion.others;
  for (const model::Detection& detection : rules_->OnAgentTrouble(trouble)) PutDetection(detection);
}

// Who is named must be of that very host; where nobody is, whoever is logged in is suspected.
void Engine::Impl::JudgeGoodbye(const model::HostId& host, const model::Goodbye& goodbye) {
  Suspicion suspicion = Suspect(host);
  const SessionNode* named = graph_.Find(goodbye.session);
  const bool known = named != nullptr && named->value.has_value() && named->host == host;
  if (known) {
    if (suspicion.suspect != nullptr && !Open(*named->value)) ++suspicion.others;
    suspicion.suspect = named;
  }
  JudgeTrouble(suspicion, {.what = goodbye, .named = known});
}

}  // namespace hoptrail::collector::engine
