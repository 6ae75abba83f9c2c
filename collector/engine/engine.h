#ifndef HOPTRAIL_COLLECTOR_ENGINE_ENGINE_H_
#define HOPTRAIL_COLLECTOR_ENGINE_ENGINE_H_

// The collector's judgement in one place: facts of many hosts in, joined hops, paths, detections,
// incidents and provenance out. Pure and deterministic: no threads, no files, no network; time only
// from the given clock. Whatever order the hosts' facts arrive in (each host's own order kept,
// repeats allowed), the same graph comes out.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "collector/engine/values/outcome.h"
#include "core/base/clock.h"
#include "core/graph/hop_key.h"
#include "core/model/fact.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::collector::engine {

struct EngineOptions {
  v1::FleetRulesConfig rules;
  // Least severity of a detection that opens an incident.
  model::Severity minimum_severity = model::Severity::kMedium;
  // How long an end waits for its other half by hop key before addresses and time may join it.
  int64_t join_grace_ns = 10'000'000'000;
  // Closed sessions that are on no open incident, and closed connections, leave memory this long
  // after the last word about them. They stay in the store for as long as it keeps them.
  int64_t retention_ns = 7LL * 24 * 3600 * 1'000'000'000;
  // Bounds; past them the oldest that are on no open incident leave memory first.
  size_t max_sessions = 2'000'000;
  size_t max_hop_ends = 4'000'000;
  const Clock* clock = &Clock::System();  // outlives the engine
};

// Owned and called by one thread.
class Engine {
 public:
  explicit Engine(EngineOptions options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Once, before anything else. Emits nothing; where the options have changed since (another
  // minimum severity, another rule), the next Apply or Tick says what follows from that.
  void Restore(StoredState state);

  // Takes in what a host told. The caller has checked that the fact's host is the one that sent
  // it. A fact already known changes nothing and adds nothing to `outcome`. The span form settles
  // once for all of them and is cheaper for batches.
  void Apply(const model::Fact& fact, Outcome* outcome);
  void Apply(absl::Span<const model::Fact> facts, Outcome* outcome);

  // The agent of `host` has said that it ends.
  void Apply(const model::HostId& host, const model::Goodbye& goodbye, Outcome* outcome);

  // Time passes: inferred joins after the grace period, ageing. Call about once a second.
  void Tick(Outcome* outcome);

  // The name shown to people (from Hello; AgentHealth facts say it too).
  void SetHostName(const model::HostId& host, absl::string_view name, Outcome* outcome);

  // Whether a person is logged in there.
  bool AnyoneIn(const model::HostId& host) const;

  // Other rules, from now on and for what is in memory: `outcome` gets what follows from that.
  void SetRules(const v1::FleetRulesConfig& rules, model::Severity minimum_severity,
                Outcome* outcome);
  void SetRetention(int64_t retention_ns);

  // A host that the store knows no more. Its name goes, unless sessions of it are in memory.
  void ForgetHost(const model::HostId& host);

  // `who` is the name in the operator's certificate. NOT_FOUND; FAILED_PRECONDITION to acknowledge
  // a resolved incident or to open one that was merged; INVALID_ARGUMENT for kUnknown. The same
  // state again is no error and changes nothing.
  absl::StatusOr<model::Incident> SetIncidentState(const model::IncidentId& id,
                                                   model::IncidentState state,
                                                   absl::string_view who, Outcome* outcome);

  // The whole tree of the session's root. Empty where the session is not in memory.
  Path PathOf(const model::SessionId& session) const;
  // Pointers are good until the next call that is not const; null where not in memory.
  const model::Session* FindSession(const model::SessionId& id) const;
  const model::Incident* FindIncident(const model::IncidentId& id) const;
  std::optional<model::Hop> FindHop(const graph::HopId& key) const;
  // The incident that a detection on this session belongs to; empty where none.
  model::IncidentId IncidentOf(const model::SessionId& session) const;
  // For an agent that has just connected: all its open sessions whose lineage is known.
  std::vector<model::Provenance> ProvenanceOf(const model::HostId& host) const;
  std::string HostName(const model::HostId& host) const;  // empty where unknown

  // For metrics.
  struct Counts {
    size_t sessions = 0;
    size_t hop_ends = 0;
    size_t proven = 0;
    size_t inferred = 0;
    size_t contradicted = 0;  // the same hop key, yet not one connection
    size_t incidents = 0;
    uint64_t refused = 0;  // facts that contradict what their own or another host said before
    uint64_t aged = 0;     // sessions that left memory
  };
  Counts counts() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_ENGINE_H_
