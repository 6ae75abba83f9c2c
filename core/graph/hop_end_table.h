#ifndef HOPTRAIL_CORE_GRAPH_HOP_END_TABLE_H_
#define HOPTRAIL_CORE_GRAPH_HOP_END_TABLE_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"

#include "core/graph/hop_id.h"
#include "core/model/hop.h"

namespace hoptrail::graph {

// The ends of connections by id, by hop key and by flow, for joining them. Not thread-safe.
class HopEndTable {
 public:
  struct PutResult {
    HopId id;
    // The id that the end had before it learned its hop key.
    std::optional<HopId> replaced;
    bool added = false;    // the id is new
    bool changed = false;  // false: the end said nothing new
  };

  // Adds the end, or merges it into the same end (core/graph/merge.h).
  PutResult Put(const model::HopEnd& end);
  void Erase(const HopId& id);

  // Null where unknown. Valid until the next Put or Erase.
  const model::HopEnd* Find(const HopId& id) const;
  absl::Span<const HopId> ByKey(const model::HopKey& key) const;
  // In the order in which they were first reported.
  absl::Span<const HopId> ByFlow(const model::Flow& flow) const;
  size_t size() const { return ends_.size(); }

 private:
  using Ids = absl::InlinedVector<HopId, 2>;

  void Index(const HopId& id, const model::HopEnd& end);
  void Unindex(const HopId& id, const model::HopEnd& end);
  // The same connection under another id: one of the two reports lacks the hop key.
  std::optional<HopId> FindTwin(const model::HopEnd& end) const;

  absl::flat_hash_map<HopId, model::HopEnd> ends_;
  absl::flat_hash_map<model::HopKey, Ids> by_key_;
  absl::flat_hash_map<model::Flow, Ids> by_flow_;
};

}  // namespace hoptrail::graph

#endif  // HOPTRAIL_CORE_GRAPH_HOP_END_TABLE_H_
