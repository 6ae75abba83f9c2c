#include "collector/engine/graph/tree_index.h"

namespace hoptrail::collector::engine {
namespace {

template <typename Set, typename T>
void Toggle(Set* set, const T& value, bool add) {
  if (add) {
    set->insert(value);
  } else {
    set->erase(value);
  }
}

}  // namespace

absl::InlinedVector<model::SessionId, 2> TreeIndex::Set(const model::SessionId& session,
                                                        const Entry& entry) {
  absl::InlinedVector<model::SessionId, 2> changed;
  const bool matters = entry.reached || entry.detected || entry.anchor;
  if (auto it = entries_.find(session); it != entries_.end()) {
    if (it->second == entry) return changed;
    changed.push_back(it->second.root);
    Update(session, it->second, /*add=*/false);
    entries_.erase(it);
  }
  if (matters) {
    if (changed.empty() || changed[0] != entry.root) changed.push_back(entry.root);
    entries_.emplace(session, entry);
    Update(session, entry, /*add=*/true);
  }
  return changed;
}

const TreeIndex::Tree* TreeIndex::Find(const model::SessionId& root) const {
  auto it = trees_.find(root);
  return it == trees_.end() ? nullptr : &it->second;
}

void TreeIndex::Update(const model::SessionId& session, const Entry& entry, bool add) {
  Tree& tree = trees_[entry.root];
  if (entry.reached) {
    Toggle(&tree.reached, ReachedSession{entry.depth, entry.opened_wall_ns, session}, add);
  }
  if (entry.detected) Toggle(&tree.detected, session, add);
  if (entry.anchor) Toggle(&tree.anchors, session, add);
  if (tree.empty()) trees_.erase(entry.root);
}

}  // namespace hoptrail::collector::engine
