// What happened to an agent, and whom it is tied to. What nobody was logged in for is no detection:
// the host's health tells it.

#include <optional>
#include <tuple>
#include <utility>

#include "collector/rules/blinding.h"
#include "collector/engine/engine_impl.h"

namespace hoptrail::collector::path {
namespace {

bool Open(const model::Session& session) {
  const bool person = (session.kind == model::EntryKind::kRemote && session.logged_in) ||
                      session.kind == model::EntryKind::kConsole;
  return person && session.closed_wall_ns == 0;
}

}  // namespace

// Most to be suspected is who is on an incident's path already, then who came from furthest, then
// who came last.
Engine::Impl::Suspicion Engine::Impl::Suspect(const model::HostId& host) const {
  Suspicion result;
  const auto sessions = world_.by_host.find(host);
  if (sessions == world_.by_host.end()) return result;
  std::optional<std::tuple<bool, uint32_t, uint64_t, model::SessionId>> best;
  size_t open = 0;
  for (const model::SessionId& id : sessions->second) {
    const SessionNode& node = *world_.Find(id);
    if (!node.value.has_value() || !Open(*node.value)) continue;
    ++open;
    const auto rank = std::make_tuple(!IncidentOf(id).empty(), world_.lineage.Depth(id),
                                      node.value->opened_boot_ns, id);
    if (best.has_value() && rank < *best) continue;
    best = rank;
    result.suspect = &node;
  }
  result.others = open > 0 ? open - 1 : 0;
  return result;
}

void Engine::Impl::JudgeInterference(const model::Interference& interference) {
  if (!options_.rules.blinding) return;
  const Suspicion suspicion = Suspect(interference.host);
  if (suspicion.suspect == nullptr) return;
  PutDetection(detect::Blinding::Judge(interference, world_.StepOf(suspicion.suspect->value->id),
                                       suspicion.others));
}

// An agent that its service manager ends of its own accord is none; neither is one that replaces
// itself. Who is named must be of that very host; where nobody is, whoever is logged in is
// suspected.
void Engine::Impl::JudgeGoodbye(const model::HostId& host, const model::Goodbye& goodbye) {
  if (!options_.rules.blinding || goodbye.cause == model::StopCause::kReplacement) return;
  if (goodbye.cause == model::StopCause::kServiceManager && goodbye.session.empty()) return;
  Suspicion suspicion = Suspect(host);
  const SessionNode* named = world_.Find(goodbye.session);
  const bool known = named != nullptr && named->value.has_value() && named->host == host;
  if (known) {
    if (suspicion.suspect != nullptr && !Open(*named->value)) ++suspicion.others;
    suspicion.suspect = named;
  }
  if (suspicion.suspect == nullptr) return;
  PutDetection(detect::Blinding::Judge(
      goodbye, WallNow(), world_.StepOf(suspicion.suspect->value->id), known, suspicion.others));
}

void Engine::Impl::JudgeInterference(const model::Loss& loss) {
  if (!options_.rules.blinding) return;
  const Suspicion suspicion = Suspect(loss.host);
  if (suspicion.suspect == nullptr) return;
  std::optional<model::Detection> detection =
      detect::Blinding::Judge(loss, world_.StepOf(suspicion.suspect->value->id), suspicion.others);
  if (detection.has_value()) PutDetection(*detection);
}

}  // namespace hoptrail::collector::path
