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

// The ends of connections, findable by key, by hop name and by flow: what a join is made from.
// Not thread-safe.
class HopEndTable {
 public:
  struct PutResult {
    HopKey key;
    // The end was known under this key before it learned its hop name.
    std::optional<HopKey> replaced;
    bool added = false;    // the key is new
    bool changed = false;  // false: nothing new was said
  };

  // Adds the end or merges it into what is known of it (core/graph/merge.h).
  PutResult Put(const model::HopEnd& end);
  void Erase(const HopKey& key);

  // Null where unknown. Good until the next Put or Erase.
  const model::HopEnd* Find(const HopKey& key) const;
  absl::Span<const HopKey> ByName(const model::HopName& name) const;
  // In the order in which they were first told.
  absl::Span<const HopKey> ByFlow(const model::Flow& flow) const;
  size_t size() const { return ends_.size(); }

 private:
  using Keys = absl::InlinedVector<HopKey, 2>;

  void Index(const HopKey& key, const model::HopEnd& end);
  void Unindex(const HopKey& key, const model::HopEnd& end);
  // The same connection under another key: one of both tellings lacks the hop name.
  std::optional<HopKey> FindTwin(const model::HopEnd& end) const;

  absl::flat_hash_map<HopKey, model::HopEnd> ends_;
  absl::flat_hash_map<model::HopName, Keys> by_name_;
  absl::flat_hash_map<model::Flow, Keys> by_flow_;
};

}  // namespace hoptrail::graph

#endif  // HOPTRAIL_CORE_GRAPH_HOP_END_TABLE_H_
