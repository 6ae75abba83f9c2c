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

#include "collector/engine/join/clock_offsets.h"
#include "collector/engine/join/contradiction.h"
#include "collector/engine/values/join_change.h"
#include "core/graph/due_queue.h"
#include "core/graph/hop_end_table.h"
#include "core/graph/hop_key.h"
#include "core/model/hop.h"

namespace hoptrail::collector::engine {

// Finds the two ends of each connection. One client and one server end of the same hop key, from
// which nothing follows that cannot be, are PROVEN to be one. Ends that find no such partner within
// a grace period are joined by exactly the same flow at about the same time, and ends whose name
// more than one end claims by whatever fits best; those joins are INFERRED, and give way as soon as
// a proven one appears. Which joins exist depends on the ends that are known, not on the order in
// which they came. Not thread-safe.
class Joiner {
 public:
  struct Options {
    int64_t grace_ns = 10'000'000'000;
    int64_t infer_window_ns = 30'000'000'000;  // between both times of establishment, corrected
  };

  explicit Joiner(Options options) : options_(options) {}

  // `now_ns` is the collector's boot time. Returns the end's key.
  graph::HopId Put(const model::HopEnd& end, int64_t now_ns);
  // Ends whose grace is over are joined by flow and time.
  void Tick(int64_t now_ns);
  // As it was stored: what had been waiting for more than the grace period has waited.
  void Restore(const model::Hop& hop, int64_t now_ns);
  // Ageing: the end and the one it is joined to leave memory, without a word about it.
  void Forget(const graph::HopId& end);

  // What has changed since the last call, each hop as it is now.
  JoinChanges TakeChanges();

  // The hop of this key; nothing where there is none (a joined server end has none of its own).
  std::optional<model::Hop> Find(const graph::HopId& key) const;
  const model::HopEnd* FindEnd(const graph::HopId& key) const { return ends_.Find(key); }
  // The key of the hop that an end is part of.
  graph::HopId HopOf(const graph::HopId& end) const;

  const ClockOffsets& wall_clocks() const { return wall_clocks_; }
  size_t size() const { return ends_.size(); }
  size_t proven() const { return proven_; }
  size_t inferred() const { return joins_.size() / 2 - proven_; }
  size_t contradicted() const { return contradicted_.size(); }

 private:
  struct Join {
    graph::HopId partner;
    model::Proof proof = model::Proof::kUnknown;
    double probability = 0;
    bool by_key = false;  // inferred among the ends that claim one name

    bool operator==(const Join&) const = default;
  };
  // A join that should exist.
  struct Match {
    graph::HopId client;
    graph::HopId server;
    model::Proof proof = model::Proof::kUnknown;
    double probability = 0;
    bool by_key = false;
  };
  using Keys = std::vector<graph::HopId>;

  // Both end with the joins that the ends of that name, or of that flow, should have.
  void ResolveKey(const model::HopKey& name);
  void ResolveFlow(const model::Flow& flow);
  void Resolve(const graph::HopId& end);
  // Makes the matches true, and breaks other joins of `ends` that came about in the same way.
  void Settle(absl::Span<const graph::HopId> ends, const std::vector<Match>& matches, bool by_key);
  void Connect(const Match& match);
  void Disconnect(const graph::HopId& end);
  void Learn(const model::HopEnd& client, const model::HopEnd& server);
  Contradiction Check(const graph::HopId& client, const graph::HopId& server) const;
  // How far the times of establishment are apart, ns, corrected where the clocks are known.
  int64_t Apart(const model::HopEnd& client, const model::HopEnd& server) const;
  Keys Side(absl::Span<const graph::HopId> keys, model::HopSide side) const;
  std::vector<Match> MatchClosest(const Keys& clients, const Keys& servers, bool by_key) const;
  double Probability(const Match& match, size_t candidates) const;
  void MarkChanged(const graph::HopId& end);

  const Options options_;
  graph::HopEndTable ends_;
  absl::flat_hash_map<graph::HopId, Join> joins_;  // both directions
  absl::btree_set<graph::HopId> changed_;
  Keys freed_;                                 // ends that lost their partner and may find another
  absl::flat_hash_set<graph::HopId> waited_;   // ends whose grace is over
  absl::flat_hash_set<graph::HopId> emitted_;  // ends that were emitted as hops of their own
  absl::flat_hash_set<graph::HopId> contradicted_;  // client ends
  graph::DueQueue<graph::HopId> grace_;
  ClockOffsets wall_clocks_;
  ClockOffsets boot_clocks_;
  size_t proven_ = 0;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_JOIN_JOINER_H_
