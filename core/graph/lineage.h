#ifndef HOPTRAIL_CORE_GRAPH_LINEAGE_H_
#define HOPTRAIL_CORE_GRAPH_LINEAGE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/inlined_vector.h"
#include "absl/container/node_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/types/span.h"

#include "core/graph/hop_id.h"
#include "core/model/hop.h"
#include "core/model/ids.h"

namespace hoptrail::graph {

enum class LinkKind : uint8_t {
  kHop,    // a connection from the parent opened or drives the child
  kCause,  // cron, su, a mux socket: on the same host
};

// The reason why a session is another's child.
struct Link {
  model::SessionId parent;
  LinkKind kind = LinkKind::kHop;
  HopId hop;  // kHop only
  model::Proof proof = model::Proof::kProven;
  double probability = 1;
  uint64_t order = 0;  // among the parent's children: its host's boot time in ns

  bool operator==(const Link&) const = default;
};

// The forest of sessions and drives: which came from which. Each may be offered several parents and
// takes the best: a proven hop, then a certain cause on the same host, then the likeliest of the
// inferred ones. A session is created when it is first mentioned. A link is not taken if it would
// close a cycle, or make a path of more than kMaxPath sessions: its child then stays the root of a
// path of its own, which is cut. No call but ForSubtree and Children visits more than one path, so
// that a lying host cannot make them expensive. Not thread-safe.
class Lineage {
 public:
  // A change of a child's parent, if any.
  struct Change {
    bool changed = false;
    model::SessionId old_parent;  // empty: it was a root
    model::SessionId new_parent;
  };

  // Replaces the earlier offers of the same kind and hop, which all of `links` have; there may be
  // several, one a parent. At most kMaxOffers a child are kept.
  Change Offer(const model::SessionId& child, absl::Span<const Link> links);
  Change Offer(const model::SessionId& child, const Link& link) {
    return Offer(child, absl::MakeConstSpan(&link, 1));
  }
  Change Withdraw(const model::SessionId& child, LinkKind kind, const HopId& hop);
  // A leaf only; its offers go too. Returns false where it has children.
  bool Remove(const model::SessionId& id);

  // Null for roots and unknown sessions.
  const Link* Parent(const model::SessionId& id) const;
  // The offers that it did not take, the best first.
  std::vector<Link> OtherOffers(const model::SessionId& id) const;
  // Itself for roots and unknown sessions.
  model::SessionId Root(const model::SessionId& id) const;
  uint32_t Depth(const model::SessionId& id) const;  // hops from the root; causes do not count
  size_t PathLength(
      const model::SessionId& id) const;  // sessions from the root to it, both included
  bool HasChildren(const model::SessionId& id) const;
  // In order of time; the first `max` where there are more.
  std::vector<model::SessionId> Children(const model::SessionId& id, size_t max) const;
  // From the root to the session, both included; the nearest `max` where there are more.
  std::vector<model::SessionId> Ancestry(const model::SessionId& id, size_t max) const;
  // Whether the session would have another parent if paths could be longer.
  bool IsCut(const model::SessionId& id) const;
  // The session and everything below it, parents first. `visit` returns whether to go on below the
  // session that it is given, which has this root and depth.
  using Visit = absl::FunctionRef<bool(const model::SessionId& id, const model::SessionId& root,
                                       uint32_t depth)>;
  void ForSubtree(const model::SessionId& id, Visit visit) const;

  static constexpr size_t kMaxOffers = 16;
  // Sessions of one path, many times as many as a person or a tool uses.
  static constexpr size_t kMaxPath = 256;

 private:
  struct Node {
    absl::InlinedVector<Link, 1> offers;  // best first
    std::optional<Link> parent;
    Node* above = nullptr;  // the parent's node
    bool cut = false;
    absl::btree_set<std::pair<uint64_t, model::SessionId>> children;
    absl::btree_map<size_t, size_t> heights;  // height → number of children of that height
    const model::SessionId* id = nullptr;

    // The sessions of the longest path below it.
    size_t height() const { return heights.empty() ? 0 : heights.rbegin()->first + 1; }
  };

  const Node* Find(const model::SessionId& id) const;
  Node& Get(const model::SessionId& id);
  Change Reselect(Node& child);
  // Whether `child`, with all that is below it, may be attached below `parent`.
  static bool Fits(const Node& child, const Node& parent, bool* too_long);
  // `child` is attached below `parent`, or detached from it.
  static void CountChild(Node* parent, size_t height, bool attached);

  absl::node_hash_map<model::SessionId, Node> nodes_;
};

}  // namespace hoptrail::graph

#endif  // HOPTRAIL_CORE_GRAPH_LINEAGE_H_
