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

// The edges that sessions of the fleet have used: from one machine to another as one user. Each
// edge keeps the first session that used it. An edge is new for a path as long as no other path
// used it earlier. Not thread-safe.
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

  // Learns at most `max` edges. An edge beyond them is never new.
  explicit KnownEdges(size_t max = 1 << 20) : max_(max) {}

  // Returns the session that was the first until now, if this one is earlier and replaces it.
  std::optional<model::SessionId> Learn(const Edge& edge, const model::SessionId& session,
                                        int64_t wall_ns);
  // Empty if the edge was never learned.
  model::SessionId First(const Edge& edge) const;

 private:
  const size_t max_;
  absl::flat_hash_map<Edge, std::pair<int64_t, model::SessionId>> first_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_GRAPH_KNOWN_EDGES_H_
