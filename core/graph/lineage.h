#ifndef HOPTRAIL_CORE_GRAPH_LINEAGE_H_
#define HOPTRAIL_CORE_GRAPH_LINEAGE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/functional/function_ref.h"

#include "core/graph/hop_id.h"
#include "core/model/hop.h"
#include "core/model/ids.h"

namespace hoptrail::graph {

enum class LinkKind : uint8_t {
  kHop,    // a connection from the parent opened the child
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

// The forest of sessions: which session came from which. Each session may be offered several
// parents and takes the best: a proven hop, then a cause on the same host, then the likeliest
// inferred hop. Root and depth are kept up to date; a change costs the subtree that moves. A
// session is created when it is first mentioned. A link that would close a cycle is not taken. Not
// thread-safe.
class Lineage {
 public:
  // A change of a child's parent, if any.
  struct Change {
    bool changed = false;
    model::SessionId old_parent;  // empty: it was a root
    model::SessionId new_parent;
  };

  // Replaces an earlier offer of the same kind and hop. At most kMaxOffers a child are kept.
  Change Offer(const model::SessionId& child, const Link& link);
  Change Withdraw(const model::SessionId& child, LinkKind kind, const HopId& hop);
  // A leaf only; its offers go too. Returns false where it has children.
  bool Remove(const model::SessionId& id);

  // Null for roots and unknown sessions.
  const Link* Parent(const model::SessionId& id) const;
  // Itself for roots and unknown sessions.
  model::SessionId Root(const model::SessionId& id) const;
  uint32_t Depth(const model::SessionId& id) const;  // hops from the root; causes do not count
  bool HasChildren(const model::SessionId& id) const;
  // In order of time; the first `max` where there are more.
  std::vector<model::SessionId> Children(const model::SessionId& id, size_t max) const;
  // From the root to the session, both included; the nearest `max` where there are more.
  std::vector<model::SessionId> Ancestry(const model::SessionId& id, size_t max) const;
  // The session and everything below it, parents first.
  void ForSubtree(const model::SessionId& id,
                  absl::FunctionRef<void(const model::SessionId&)> visit) const;

  static constexpr size_t kMaxOffers = 16;

 private:
  struct Node {
    absl::InlinedVector<Link, 1> offers;
    std::optional<Link> parent;
    absl::btree_set<std::pair<uint64_t, model::SessionId>> children;
    model::SessionId root;
    uint32_t depth = 0;
  };

  Node& Get(const model::SessionId& id);
  Change Reselect(const model::SessionId& child);
  bool IsBelow(const model::SessionId& id, const model::SessionId& ancestor) const;
  void RefreshSubtree(const model::SessionId& id);

  absl::flat_hash_map<model::SessionId, Node> nodes_;
};

}  // namespace hoptrail::graph

#endif  // HOPTRAIL_CORE_GRAPH_LINEAGE_H_
