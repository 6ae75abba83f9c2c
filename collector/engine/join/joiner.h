#ifndef HOPTRAIL_COLLECTOR_ENGINE_JOIN_JOINER_H_
#define HOPTRAIL_COLLECTOR_ENGINE_JOIN_JOINER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/types/span.h"

#include "collector/engine/join/address_owners.h"
#include "collector/engine/join/hop_clocks.h"
#include "collector/engine/join/matcher.h"
#include "collector/engine/values/join_change.h"
#include "core/graph/due_queue.h"
#include "core/graph/hop_end_table.h"
#include "core/graph/hop_id.h"
#include "core/model/hop.h"

namespace hoptrail::collector::engine {

// Finds the two ends of each connection. One client end and one server end with the same hop key
// are PROVEN to be one connection, unless they contradict each other. Where more ends claim a key
// than a connection has, the pair whose addresses fit best is it, or else the pair that was
// complete first; the other claims are contradicted. An end without such a partner after the grace
// period is joined by the same flow at about the same time: this is inferred, and gives way to a
// proven join. But for rival claims, the joins depend on the known ends, not on the order in which
// they were reported. Not thread-safe.
class Joiner {
 public:
  // How long an end waits for its partner by hop key before the joiner infers one by flow and time.
  static constexpr int64_t kGraceNs = 10'000'000'000;

  Joiner() = default;
  Joiner(const Joiner&) = delete;
  Joiner& operator=(const Joiner&) = delete;

  // `now_ns` is the collector's boot time. Returns the end's id.
  graph::HopId Put(const model::HopEnd& end, int64_t now_ns);
  // The addresses that a host has reported as its own. They decide between later claims.
  void SetAddresses(const model::HostId& host, const std::vector<model::IpAddress>& addresses) {
    owners_.Set(host.machine, addresses);
  }
  // Infers joins for ends whose grace period is over.
  void Tick(int64_t now_ns);
  // Takes a stored hop. The grace period of ends with an inferred join stays over.
  void Restore(const model::Hop& hop, int64_t now_ns);
  // Removes the end and its partner from memory. Emits nothing.
  void Forget(const graph::HopId& end);

  // The changes since the last call, each hop in its present state.
  JoinChanges TakeChanges();

  // Nothing if there is no such hop. A joined server end has no hop of its own.
  std::optional<model::Hop> Find(const graph::HopId& key) const;
  const model::HopEnd* FindEnd(const graph::HopId& key) const { return ends_.Find(key); }
  // The hop that an end is part of.
  graph::HopId HopOf(const graph::HopId& end) const;

  size_t size() const { return ends_.size(); }
  size_t proven() const { return proven_; }
  size_t inferred() const { return joins_.size() / 2 - proven_; }
  size_t contradicted() const { return contradicted_.size(); }  // ends

 private:
  struct Join {
    graph::HopId partner;
    model::Proof proof = model::Proof::kUnknown;
    double probability = 0;
    bool by_key = false;  // found by hop key; false: by flow and time

    bool operator==(const Join&) const = default;
  };
  using Ends = std::vector<graph::HopId>;

  // Make the joins that the ends of this key, or of this flow, should have.
  void ResolveKey(const model::HopKey& key);
  void ResolveFlow(const model::Flow& flow);
  void Resolve(const graph::HopId& end);
  // Joins the matches, and breaks other joins of `ends` that were found in the same way.
  void Settle(absl::Span<const graph::HopId> ends, const std::vector<Match>& matches, bool by_key);
  void Connect(const Match& match);
  void Disconnect(const graph::HopId& end);
  void MarkChanged(const graph::HopId& end);
  void SetContradiction(const graph::HopId& end, model::Contradiction contradiction);

  graph::HopEndTable ends_;
  HopClocks clocks_;
  AddressOwners owners_;
  const Matcher matcher_{&ends_, &clocks_, &owners_};
  absl::flat_hash_map<graph::HopId, Join> joins_;  // both directions
  absl::btree_set<graph::HopId> changed_;
  Ends freed_;                                 // ends that lost their partner and may find another
  absl::flat_hash_set<graph::HopId> waited_;   // ends whose grace period is over
  absl::flat_hash_set<graph::HopId> emitted_;  // ends that were emitted as hops of their own
  absl::flat_hash_map<graph::HopId, model::Contradiction> contradicted_;
  graph::DueQueue<graph::HopId> grace_;
  size_t proven_ = 0;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_JOIN_JOINER_H_
