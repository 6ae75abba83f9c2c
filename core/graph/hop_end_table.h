#ifndef HOPTRAIL_CORE_GRAPH_HOP_END_TABLE_H_
#define HOPTRAIL_CORE_GRAPH_HOP_END_TABLE_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"

#include "core/graph/hop_key.h"
#include "core/model/hop.h"

namespace hoptrail::graph {

// The ends of connections, findable by key, by hop key and by flow: what a join is made from.
// Not thread-safe.
class HopEndTable {
 public:
  struct PutResult {
    HopId key;
    // The end was known under this key before it learned its hop key.
    std::optional<HopId> replaced;
    bool added = false;    // the key is new
    bool changed = false;  // false: nothing new was said
  };

  // Adds the end or merges it into what is known of it (core/graph/merge.h).
  PutResult Put(const model::HopEnd& end);
  void Erase(const HopId& key);

  // Null where unknown. Good until the next Put or Erase.
  const model::HopEnd* Find(const HopId& key) const;
  absl::Span<const HopId> ByKey(const model::HopKey& key) const;
  // In the order in which they were first told.
  absl::Span<const HopId> ByFlow(const model::Flow& flow) const;
  size_t size() const { return ends_.size(); }

 private:
  using Keys = absl::InlinedVector<HopId, 2>;

  void Index(const HopId& key, const model::HopEnd& end);
  void Unindex(const HopId& key, const model::HopEnd& end);
  // The same connection under another key: one of both tellings lacks the hop key.
  std::optional<HopId> FindTwin(const model::HopEnd& end) const;

  absl::flat_hash_map<HopId, model::HopEnd> ends_;
  absl::flat_hash_map<model::HopKey, Keys> by_key_;
  absl::flat_hash_map<model::Flow, Keys> by_flow_;
};

}  // namespace hoptrail::graph

#endif  // HOPTRAIL_CORE_GRAPH_HOP_END_TABLE_H_
