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

// Of every path, what its rules and its incident look at, kept up to date session by session, so
// that nobody walks a tree to learn it. Not thread-safe.
class TreeIndex {
 public:
  // What one session contributes to the tree it belongs to now.
  struct Entry {
    model::SessionId root;
    uint32_t depth = 0;
    int64_t opened_wall_ns = 0;
    bool reached = false;   // entered over a hop
    bool detected = false;  // has detections
    bool anchor = false;    // an incident is named after it

    bool operator==(const Entry&) const = default;
  };

  struct Deepest {
    uint32_t depth = 0;
    int64_t opened_wall_ns = 0;
    model::SessionId session;

    // Deepest first, then the earliest.
    bool operator<(const Deepest& other) const {
      return std::tie(other.depth, opened_wall_ns, session) <
             std::tie(depth, other.opened_wall_ns, other.session);
    }
  };

  struct Tree {
    absl::btree_set<Deepest> reached;
    absl::btree_set<model::SessionId> detected;
    absl::btree_set<model::SessionId> anchors;
    bool empty() const { return reached.empty() && detected.empty() && anchors.empty(); }
  };

  // Replaces what the session contributed before. Returns the roots of the trees that changed by
  // it: none, one or two.
  absl::InlinedVector<model::SessionId, 2> Set(const model::SessionId& session, const Entry& entry);
  void Remove(const model::SessionId& session) { Set(session, {}); }

  // Null where nothing in the tree matters.
  const Tree* Find(const model::SessionId& root) const;

 private:
  void Take(const model::SessionId& session, const Entry& entry, bool add);

  absl::flat_hash_map<model::SessionId, Entry> entries_;
  absl::flat_hash_map<model::SessionId, Tree> trees_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_GRAPH_TREE_INDEX_H_
