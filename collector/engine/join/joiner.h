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

#include "collector/engine/join/address_fit.h"
#include "collector/engine/join/address_owners.h"
#include "collector/engine/join/claim_rates.h"
#include "collector/engine/join/hop_clocks.h"
#include "collector/engine/join/key_watch.h"
#include "collector/engine/join/matcher.h"
#include "collector/engine/join/translations.h"
#include "collector/engine/values/join_change.h"
#include "core/graph/due_queue.h"
#include "core/graph/hop_end_table.h"
#include "core/graph/hop_id.h"
#include "core/model/hop.h"
#include "core/model/ip_prefix.h"

namespace hoptrail::collector::engine {

// Finds the two ends of each connection. One client end and one server end with the same hop key
// are PROVEN to be one connection if their addresses fit (AddressFit) and they do not contradict
// each other. Where more ends claim a key than a connection has, the pair whose addresses fit best
// is it, or else the pair that was complete first; the other claims are contradicted
// (key_choice.h). A proven join stays while its ends agree: what other hosts report about addresses
// never takes it back. An end without such a partner after the grace period is joined by the same
// flow at about the same time: this is inferred (plausibility.h), and gives way to a likelier join.
// But for rival claims, the joins depend on what is known, not on the order in which it was
// reported. Not thread-safe.
class Joiner {
 public:
  // How long an end waits for its partner by hop key before the joiner infers one by flow and time.
  static constexpr int64_t kGraceNs = 10'000'000'000;
  static constexpr size_t kMaxRechecks = 10'000;

  Joiner() = default;
  Joiner(const Joiner&) = delete;
  Joiner& operator=(const Joiner&) = delete;

  // `now_ns` is the collector's boot time. Returns the end's id.
  graph::HopId Put(const model::HopEnd& end, int64_t now_ns);

  // More is known about addresses. The joins that may change are made again by the next Ticks.
  //
  // The addresses that a host has reported as its own.
  void SetAddresses(const model::HostId& host, const std::vector<model::IpAddress>& addresses);
  // The address from which the collector sees the host's stream.
  void SetStreamAddress(const model::HostId& host, const model::IpAddress& address);
  // The outer addresses of the fleet's own address translation.
  void SetTranslations(std::vector<model::IpPrefix> translations);

  // Makes the joins again for which more is known, at most kMaxRechecks keys, and infers joins for
  // ends whose grace period is over.
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

  const AddressOwners& owners() const { return owners_; }
  // See Translations.
  bool IsTranslation(const model::IpAddress& address) const {
    return translations_.IsTranslation(address);
  }

  size_t size() const { return ends_.size(); }
  size_t proven() const { return proven_; }
  size_t inferred() const { return joins_.size() / 2 - proven_; }
  size_t waiting() const { return watch_.size(); }  // hop keys that better evidence may change
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
  void ResolveFreed();
  // The proven joins of these ends of one key that do not contradict each other.
  std::vector<Match> Standing(absl::Span<const graph::HopId> ends) const;
  // Watches the key while more evidence may change its joins.
  void Watch(const model::HopKey& key, const std::vector<Match>& matches, const Ends& clients,
             const Ends& servers);
  // Whether an end of the match has a join of the other kind that is at least as likely.
  bool HasLikelier(const Match& match) const;
  // Joins the matches, and breaks other joins of `ends` that were found in the same way.
  void Settle(absl::Span<const graph::HopId> ends, const std::vector<Match>& matches, bool by_key);
  void Connect(const Match& match);
  void Disconnect(const graph::HopId& end);
  void MarkChanged(const graph::HopId& end);
  void SetContradiction(const graph::HopId& end, model::Contradiction contradiction);

  graph::HopEndTable ends_;
  HopClocks clocks_;
  AddressOwners owners_;
  Translations translations_{&owners_};
  const AddressFits fits_{&owners_, &translations_};
  ClaimRates rates_;
  KeyWatch watch_;
  const Matcher matcher_{&ends_, &clocks_, &fits_, &rates_};
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
