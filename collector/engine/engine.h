#ifndef HOPTRAIL_COLLECTOR_ENGINE_ENGINE_H_
#define HOPTRAIL_COLLECTOR_ENGINE_ENGINE_H_

// Takes the facts of many hosts and derives joined hops, paths, detections, incidents and
// provenance from them. Pure and deterministic: no threads, no files, no network, and no time but
// that of the given clock. The result does not depend on the order in which the facts of different
// hosts arrive, nor on repeated facts, as long as each host's own order is kept; only between hosts
// that claim the same end of a connection, the first one stands (docs/decisions/0029).

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "collector/engine/engine_options.h"
#include "collector/engine/graph/host_names.h"
#include "collector/engine/values/agent_trouble.h"
#include "collector/engine/values/outcome.h"
#include "core/model/fact.h"
#include "core/model/ip_prefix.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::collector::engine {

// The engine works in two steps. Taking in a fact changes the graph and marks what the change may
// affect (FactIntake). Settling evaluates the marked sessions and paths only, and emits what has
// changed (Evaluator). Owned and called by one thread.
class Engine {
 public:
  explicit Engine(EngineOptions options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Call it once, before anything but SetAgent. It emits nothing. If the options differ from those
  // of the stored state (another minimum severity, another rule), the next Apply or Tick emits the
  // effects.
  void Restore(StoredState state);

  // Takes in facts of a host. The caller has checked that each fact is about the host that sent it.
  // A known fact changes nothing and adds nothing to `outcome`. The span form settles once for all
  // facts, which is cheaper.
  void Apply(const model::Fact& fact, Outcome* outcome);
  void Apply(absl::Span<const model::Fact> facts, Outcome* outcome);

  // The agent of `host` has announced that it ends, is silent, or came back without what it must
  // have.
  void NoteTrouble(const model::HostId& host, const AgentTroubleKind& what, Outcome* outcome);

  // The host of `session` has reported more than its budget; `session` was reported last.
  void NoteFlood(const model::SessionId& session, ClaimKind kind, Outcome* outcome);

  // Whether an earlier call has left sessions to be evaluated, since it changed the paths of very
  // many. Each Continue evaluates more of them. Path queries need not wait for it.
  bool unfinished() const;
  void Continue(Outcome* outcome);

  // Time has passed: inferred joins after the grace period, ageing. Call it about once a second.
  void Tick(Outcome* outcome);

  // The name that the host gives itself. Hello and AgentHealth facts carry it. One name too many is
  // refused.
  void SetHostName(const model::HostId& host, absl::string_view name, Outcome* outcome);

  // Whether a person is logged in on the host.
  bool IsAnyoneLoggedIn(const model::HostId& host) const;

  // Other rules, from now on and for everything in memory. `outcome` gets the effects.
  void SetRules(const v1::FleetRulesConfig& rules, model::Severity minimum_severity,
                Outcome* outcome);
  void SetRetention(int64_t retention_ns);
  // Other outer addresses of the fleet's own address translation. The next Ticks emit the effects.
  void SetTranslations(std::vector<model::IpPrefix> translations);
  // The address from which the collector sees the host's stream. The next Ticks emit the effects.
  void SetStreamAddress(const model::HostId& host, const model::IpAddress& address);

  // Whether the host's agent can be heard. The next Tick uses it.
  void SetAgent(const model::HostId& host, const AgentPresence& presence);

  // The store has removed what it knew of addresses that were not reported since.
  void ForgetAddresses(int64_t before_wall_ns);
  // The store has removed the host. Forgets its name, unless sessions of it are in memory.
  void ForgetHost(const model::HostId& host);

  // `who` is the name in the operator's certificate. NOT_FOUND; FAILED_PRECONDITION to acknowledge
  // a resolved incident or to open a merged one; INVALID_ARGUMENT for kUnknown. Setting the present
  // state is no error and changes nothing.
  absl::StatusOr<model::Incident> SetIncidentState(const model::IncidentId& id,
                                                   model::IncidentState state,
                                                   absl::string_view who, Outcome* outcome);

  // The whole tree of the session's root. Empty if the session is not in memory.
  Path PathOf(const model::SessionId& session) const;
  // Valid until the next call that is not const; null if not in memory.
  const model::Session* FindSession(const model::SessionId& id) const;
  const model::Detection* FindDetection(const model::DetectionId& id) const;
  // For an agent that has just connected: all its open sessions whose lineage is known.
  std::vector<model::Provenance> ProvenanceOf(const model::HostId& host) const;
  const HostNames& host_names() const;

  struct Counts {
    size_t sessions = 0;
    size_t hop_ends = 0;
    size_t proven = 0;        // joined hops
    size_t contradicted = 0;  // pairs of ends that share a hop key, yet are not one connection
    size_t incidents = 0;
    uint64_t refused = 0;  // claims that their host may not make: see RefusalReason
    uint64_t aged = 0;     // sessions that left memory
  };
  Counts counts() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_ENGINE_H_
