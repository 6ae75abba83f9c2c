#include "collector/engine/suspicion.h"

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>

#include "core/base/path.h"
#include "core/base/saturating.h"

namespace hoptrail::collector::engine {
namespace {

constexpr char kAgentProgram[] = "hoptrail-agent";

bool IsOpenLogin(const model::Session& session) {
  const bool person = (session.kind == model::EntryKind::kRemote && session.logged_in) ||
                      session.kind == model::EntryKind::kConsole;
  return person && session.drives.empty() && session.closed_wall_ns == 0;
}

bool IsDaemon(const model::Session& session) {
  if (!session.drives.empty()) return false;
  return session.kind == model::EntryKind::kService || session.kind == model::EntryKind::kContainer;
}

bool LivedUntil(const model::Session& session, int64_t wall_ns) {
  return session.closed_wall_ns == 0 || session.closed_wall_ns >= wall_ns;
}

// Greater is more suspicious.
struct Rank {
  SuspectGround ground = SuspectGround::kHost;
  bool on_incident = false;
  uint32_t depth = 0;
  int64_t wall_ns = 0;
  model::SessionId id;

  bool operator<(const Rank& other) const {
    const auto key = [](const Rank& r) {
      return std::make_tuple(-static_cast<int>(r.ground), r.on_incident, r.depth, r.wall_ns, r.id);
    };
    return key(*this) < key(other);
  }
};

std::optional<SuspectGround> GroundOf(const EngineState& state, const SessionNode& node,
                                      bool on_incident, int64_t served_wall_ns, int64_t wall_ns) {
  const model::Session& session = *node.value;
  if (IsOpenLogin(session)) return SuspectGround::kLoggedIn;
  if (on_incident && LivedUntil(session, wall_ns - kIncidentLatelyNs)) {
    return SuspectGround::kIncident;
  }
  // A session that a login has left behind (at, systemd-run) has a parent. A drive has one in any
  // case.
  const graph::Link* parent = state.graph.lineage.Parent(session.id);
  const bool arrived =
      (session.kind == model::EntryKind::kRemote && session.logged_in) ||
      (parent != nullptr && (session.drives.empty() || parent->kind == graph::LinkKind::kHop));
  if (arrived && LivedUntil(session, wall_ns - kLatelyNs)) return SuspectGround::kArrived;
  if (IsDaemon(session) && session.closed_wall_ns == 0 && served_wall_ns >= wall_ns - kLatelyNs) {
    return SuspectGround::kServed;
  }
  return std::nullopt;
}

// The agent's own session, or else that of the host's first service. Null if there is neither: a
// person's session does not stand for the host.
const SessionNode* SessionForHost(const EngineState& state,
                                  const absl::btree_set<model::SessionId>& sessions) {
  const SessionNode* best = nullptr;
  const auto rank = [](const model::Session& session) {
    return std::make_tuple(IsAgentItself(session), session.closed_wall_ns == 0,
                           -session.opened_wall_ns);
  };
  for (const model::SessionId& id : sessions) {
    const SessionNode& node = *state.graph.Find(id);
    if (!node.value.has_value() || !IsDaemon(*node.value)) continue;
    if (best == nullptr || rank(*best->value) < rank(*node.value)) best = &node;
  }
  return best;
}

}  // namespace

bool IsAgentItself(const model::Session& session) {
  return IsDaemon(session) && BaseName(session.program) == kAgentProgram;
}

int64_t WallOf(const EndNode& end, const model::Session& session) {
  const auto established = static_cast<int64_t>(end.established_boot_ns);
  return SaturatingAdd(
      session.opened_wall_ns,
      SaturatingSubtract(established, static_cast<int64_t>(session.opened_boot_ns)));
}

int64_t LastServedWallNs(const GraphState& graph, const SessionNode& node) {
  int64_t last = 0;
  for (const auto& [key, end] : node.ends) {
    const auto hop = graph.hops.find(end.hop);
    if (hop == graph.hops.end() || hop->second.server.key != key) continue;
    last = std::max(last, WallOf(end, *node.value));
  }
  return last;
}

Suspicion FindSuspect(const EngineState& state, const model::HostId& host, int64_t wall_ns,
                      const model::SessionId& named) {
  Suspicion result;
  const auto sessions = state.graph.by_host.find(host);
  if (sessions == state.graph.by_host.end()) return result;
  std::optional<Rank> best;
  size_t open = 0;
  for (const model::SessionId& id : sessions->second) {
    const SessionNode& node = *state.graph.Find(id);
    if (!node.value.has_value() || IsAgentItself(*node.value)) continue;
    const bool login = IsOpenLogin(*node.value);
    open += login ? 1 : 0;
    const bool on_incident = !state.IncidentOf(id).empty();
    const int64_t served_wall_ns = IsDaemon(*node.value) ? LastServedWallNs(state.graph, node) : 0;
    const auto ground = GroundOf(state, node, on_incident, served_wall_ns, wall_ns);
    if (!ground.has_value()) continue;
    const Rank rank{*ground, on_incident, state.graph.lineage.Depth(id),
                    *ground == SuspectGround::kServed ? served_wall_ns : node.value->opened_wall_ns,
                    id};
    if (best.has_value() && rank < *best) continue;
    best = rank;
    result.suspect = &node;
    result.ground = *ground;
  }
  if (result.suspect == nullptr) result.suspect = SessionForHost(state, sessions->second);
  const SessionNode* by_agent = state.graph.Find(named);
  if (by_agent != nullptr && by_agent->value.has_value() && by_agent->host == host) {
    result.suspect = by_agent;
    result.ground = SuspectGround::kNamed;
  }
  result.is_login = result.suspect != nullptr && IsOpenLogin(*result.suspect->value);
  result.others = open - (result.is_login ? 1 : 0);
  return result;
}

bool HasOpenLogin(const EngineState& state, const model::HostId& host) {
  const auto sessions = state.graph.by_host.find(host);
  if (sessions == state.graph.by_host.end()) return false;
  return std::any_of(sessions->second.begin(), sessions->second.end(), [&](const auto& id) {
    const SessionNode& node = *state.graph.Find(id);
    return node.value.has_value() && IsOpenLogin(*node.value);
  });
}

model::Session StandInFor(const model::HostId& host, int64_t wall_ns) {
  model::Session session;
  session.host = host;
  session.first_process = {1, 1};  // process 1 starts with the machine
  session.id = model::DeriveSessionId(host, session.first_process);
  session.kind = model::EntryKind::kService;
  session.program = "/init";
  session.user = "root";
  session.opened_boot_ns = 1;
  session.opened_wall_ns = wall_ns;
  session.closed_wall_ns = wall_ns;
  return session;
}

}  // namespace hoptrail::collector::engine
