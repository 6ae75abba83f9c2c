#ifndef HOPTRAIL_AGENT_SESSION_EDGE_COUNTER_H_
#define HOPTRAIL_AGENT_SESSION_EDGE_COUNTER_H_

#include <cstddef>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"

#include "agent/session/output.h"
#include "core/model/fact.h"

namespace hoptrail::agent::session {

// Counts connections and datagram flows by minute, side, program, uid, peer, server port and
// protocol. Bounded: beyond that an edge is counted without program and peer, and as a loss. Not
// thread-safe.
class EdgeCounter {
 public:
  // The key of an edge. Does not own `program`.
  struct View {
    model::HopSide side = model::HopSide::kUnknown;
    absl::string_view program;
    uint32_t uid = 0;
    model::IpAddress peer;
    uint16_t server_port = 0;
    int64_t minute_wall_ns = 0;
    uint8_t protocol = model::kProtocolTcp;

    bool operator==(const View&) const = default;
  };

  EdgeCounter(const model::HostId& host, size_t max_edges) : host_(host), max_edges_(max_edges) {}

  // The counters of one edge in the minute of `wall_ns`. Valid until the next call.
  model::EdgeCount& At(model::HopSide side, absl::string_view program, uint32_t uid,
                       const model::IpAddress& peer, uint16_t server_port, int64_t wall_ns,
                       uint8_t protocol = model::kProtocolTcp);

  // Reports and forgets the edges of past minutes, and with `current_too` those of the current one.
  // Connections that follow in that minute are then reported in further edges.
  void Flush(int64_t now_wall_ns, Output& output, bool current_too);

 private:
  // A View that owns its program. The map is searched by View, so that a search allocates nothing.
  struct Key {
    explicit Key(const View& view) : what(view), program(view.program) { what.program = {}; }

    View view() const {
      View whole = what;
      whole.program = program;
      return whole;
    }

    View what;  // without the program
    std::string program;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(const View& view) const {
      return absl::HashOf(view.side, view.program, view.uid, view.peer, view.server_port,
                          view.minute_wall_ns, view.protocol);
    }
    size_t operator()(const Key& key) const { return (*this)(key.view()); }
  };
  struct Equal {
    using is_transparent = void;
    static View Of(const View& view) { return view; }
    static View Of(const Key& key) { return key.view(); }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return Of(a) == Of(b);
    }
  };

  const model::HostId host_;
  const size_t max_edges_;
  absl::flat_hash_map<Key, model::EdgeCount, Hash, Equal> edges_;
  uint64_t overflowed_ = 0;
  int64_t overflow_since_wall_ns_ = 0;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_EDGE_COUNTER_H_
