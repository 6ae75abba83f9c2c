#ifndef HOPTRAIL_COLLECTOR_ENGINE_GRAPH_KNOWN_EDGES_H_
#define HOPTRAIL_COLLECTOR_ENGINE_GRAPH_KNOWN_EDGES_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"

#include "core/model/ids.h"

namespace hoptrail::collector::engine {

// The ways that the fleet has been gone: from which machine to which, as whom, and by which session
// first. A way is new for a path as long as no other path went it earlier. Not thread-safe.
class KnownEdges {
 public:
  struct Edge {
    model::MachineId from;
    model::MachineId to;
    std::string user;  // on the destination

    auto operator<=>(const Edge&) const = default;
    template <typename H>
    friend H AbslHashValue(H h, const Edge& e) {
      return H::combine(std::move(h), e.from, e.to, e.user);
    }
  };

  // Bounded: past `max` edges no further one is learned, and none of those is called new.
  explicit KnownEdges(size_t max = 1 << 20) : max_(max) {}

  // Returns the session that was the first until now, where this one is earlier and takes over.
  std::optional<model::SessionId> Learn(const Edge& edge, const model::SessionId& session,
                                        int64_t wall_ns);
  // Empty where the edge was never learned.
  model::SessionId First(const Edge& edge) const;
  size_t size() const { return first_.size(); }

 private:
  const size_t max_;
  absl::flat_hash_map<Edge, std::pair<int64_t, model::SessionId>> first_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_GRAPH_KNOWN_EDGES_H_
