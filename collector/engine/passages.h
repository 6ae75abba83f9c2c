#ifndef HOPTRAIL_COLLECTOR_ENGINE_PASSAGES_H_
#define HOPTRAIL_COLLECTOR_ENGINE_PASSAGES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"

#include "collector/engine/engine_state.h"
#include "collector/engine/join/joiner.h"
#include "core/graph/due_queue.h"
#include "core/graph/hop_id.h"
#include "core/model/hop.h"
#include "core/model/ids.h"
#include "core/model/net.h"

namespace hoptrail::collector::engine {

// Continues paths through hosts without an agent. Two halves of which no host reported the other
// one make a passage: a session's connection into an address, and a login from that address on
// another host while the connection is open. Each connection that is likely enough becomes a
// possible origin of the login, INFERRED with a probability (join/passage.h). The engine adds a
// session of its own for it on a host of its own (model::UnmonitoredHost): it stands for what was
// done there over that connection, so all logins that follow from one connection have one parent.
// Owned by the engine, used by its thread.
class Passages {
 public:
  // How long a login may wait for its client's end before a passage explains it.
  static constexpr int64_t kGraceNs = Joiner::kGraceNs + 2'000'000'000;
  // Bounds the work for one login and for one address.
  static constexpr size_t kMaxCandidates = 256;
  static constexpr size_t kMaxEntries = 1024;
  static constexpr size_t kMaxOrigins = 4;

  // Neither is owned; both outlive this.
  Passages(EngineState* state, const Joiner* joiner) : state_(state), joiner_(joiner) {}

  // Looks at the hops that have changed. `waits`: a new login waits for the grace period.
  void Run(bool waits = true);
  // More or less is known about which addresses are translations: looks at all hops at the next
  // Run, or at those of one address.
  void RecheckAll();
  void Recheck(const model::IpAddress& address);

 private:
  struct Address {
    // By the wall time of their establishment, as their hosts say.
    absl::btree_set<std::pair<int64_t, graph::HopId>> into;  // clients' ends
    absl::btree_set<std::pair<int64_t, graph::HopId>> from;  // servers' ends that opened a session
    absl::btree_set<graph::HopId> dirty;                     // of `from`
    size_t explained = 0;  // of `from`: logins during which somebody was on the host
    int own_entries = 0;   // logarithm of how many were not, for each that was
  };
  struct Half {
    model::IpAddress address;
    model::HopSide side = model::HopSide::kUnknown;
    int64_t established_wall_ns = 0;
    bool waiting = false;    // server's end: the grace period is not over
    bool explained = false;  // server's end: counted in Address::explained
    // Server's end: the connections that may have led to it, and its session.
    std::vector<graph::HopId> into;
    model::SessionId child;
  };
  // A session of the engine's own, for one connection into an address.
  struct Passage {
    model::SessionId session;
    absl::btree_set<graph::HopId> entries;
  };
  struct Origin {
    graph::HopId into;
    model::MachineId machine;
    double odds = 0;
    double probability = 0;
  };
  struct Choice {
    std::vector<Origin> origins;  // likeliest first; at most kMaxOrigins
    bool explained = false;       // there was a candidate, however unlikely
  };

  void Note(const graph::HopId& key, bool waits);
  void Unindex(const graph::HopId& key);
  void MarkAround(Address& address, const model::HopEnd& into);
  std::optional<Half> HalfOf(const std::optional<model::Hop>& hop) const;
  void EvaluateAddress(const model::IpAddress& ip);
  Choice Choose(const Address& address, const model::HopEnd& entry) const;
  void Link(const graph::HopId& entry, const Choice& choice);
  void Unlink(const graph::HopId& entry);
  model::SessionId PutSession(const graph::HopId& into, const model::IpAddress& ip);
  void Release(const graph::HopId& into, const graph::HopId& entry);
  void Retire(const graph::HopId& into);
  void SetPassage(const graph::HopId& hop, bool passage);

  EngineState* const state_;
  const Joiner* const joiner_;
  absl::flat_hash_map<graph::HopId, Half> halves_;
  absl::flat_hash_map<model::IpAddress, Address> addresses_;
  absl::flat_hash_map<graph::HopId, Passage> passages_;  // by the connection into the host
  absl::btree_set<model::IpAddress> dirty_;
  graph::DueQueue<graph::HopId> grace_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_PASSAGES_H_
