#ifndef HOPTRAIL_COLLECTOR_ENGINE_GRAPH_TREE_INDEX_H_
#define HOPTRAIL_COLLECTOR_ENGINE_GRAPH_TREE_INDEX_H_

#include <cstdint>
#include <tuple>
#include <utility>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"

#include "core/model/ids.h"

namespace hoptrail::collector::engine {

// Indexes every tree by what rules and incidents need of it, so that they need not walk it. Each
// session contributes one entry, which the engine keeps up to date. Not thread-safe.
class TreeIndex {
 public:
  // The contribution of one session to its present tree.
  struct Entry {
    model::SessionId root;
    uint32_t depth = 0;
    int64_t opened_wall_ns = 0;
    bool reached = false;   // entered over a hop
    bool detected = false;  // has detections
    bool anchor = false;    // it is the anchor of an incident

    bool operator==(const Entry&) const = default;
  };

  struct ReachedSession {
    uint32_t depth = 0;
    int64_t opened_wall_ns = 0;
    model::SessionId session;

    // Deepest first, then the earliest.
    bool operator<(const ReachedSession& other) const {
      return std::tie(other.depth, opened_wall_ns, session) <
             std::tie(depth, other.opened_wall_ns, other.session);
    }
  };

  struct Tree {
    absl::btree_set<ReachedSession> reached;
    absl::btree_set<model::SessionId> detected;
    absl::btree_set<model::SessionId> anchors;
    bool empty() const { return reached.empty() && detected.empty() && anchors.empty(); }
  };

  // Replaces the session's entry. Returns the roots of the trees that this changed: none, one or
  // two.
  absl::InlinedVector<model::SessionId, 2> Set(const model::SessionId& session, const Entry& entry);
  void Remove(const model::SessionId& session) { Set(session, {}); }

  // Null if no session of the tree has an entry.
  const Tree* Find(const model::SessionId& root) const;

 private:
  void Update(const model::SessionId& session, const Entry& entry, bool add);

  absl::flat_hash_map<model::SessionId, Entry> entries_;
  absl::flat_hash_map<model::SessionId, Tree> trees_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_GRAPH_TREE_INDEX_H_
