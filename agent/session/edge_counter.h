#ifndef HOPTRAIL_AGENT_SESSION_EDGE_COUNTER_H_
#define HOPTRAIL_AGENT_SESSION_EDGE_COUNTER_H_

#include <cstddef>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

#include "agent/session/output.h"
#include "core/model/fact.h"

namespace hoptrail::agent::session {

// Connections and sends counted per (minute, side, program, uid, peer, server port, protocol).
// Bounded: what finds no room is counted without program and peer, and as a loss. Not thread-safe.
class EdgeCounter {
 public:
  struct Key {
    model::HopSide side = model::HopSide::kUnknown;
    std::string program;
    uint32_t uid = 0;
    model::IpAddress peer;
    uint16_t server_port = 0;
    int64_t minute_wall_ns = 0;
    uint8_t protocol = model::kProtocolTcp;

    bool operator==(const Key&) const = default;
    template <typename H>
    friend H AbslHashValue(H h, const Key& k) {
      return H::combine(std::move(h), k.side, k.program, k.uid, k.peer, k.server_port,
                        k.minute_wall_ns, k.protocol);
    }
  };

  EdgeCounter(const model::HostId& host, size_t max_edges) : host_(host), max_edges_(max_edges) {}

  // The counters of one edge in the minute of `wall_ns`, to be added to at once.
  model::EdgeCount& At(model::HopSide side, absl::string_view program, uint32_t uid,
                       const model::IpAddress& peer, uint16_t server_port, int64_t wall_ns,
                       uint8_t protocol = model::kProtocolTcp);

  // Tells and forgets the minutes that are over.
  void Flush(int64_t now_wall_ns, Output& output);

 private:
  const model::HostId host_;
  const size_t max_edges_;
  absl::flat_hash_map<Key, model::EdgeCount> edges_;
  uint64_t overflowed_ = 0;
  int64_t overflow_since_wall_ns_ = 0;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_EDGE_COUNTER_H_
