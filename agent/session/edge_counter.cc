#include "agent/session/edge_counter.h"

namespace hoptrail::agent::session {
namespace {

constexpr int64_t kMinuteNs = 60'000'000'000;

}  // namespace

model::EdgeCount& EdgeCounter::At(model::HopSide side, absl::string_view program, uint32_t uid,
                                  const model::IpAddress& peer, uint16_t server_port,
                                  int64_t wall_ns, uint8_t protocol) {
  View view{side, program, uid, peer, server_port, wall_ns - wall_ns % kMinuteNs, protocol};
  auto found = edges_.find(view);
  if (found == edges_.end()) {
    if (edges_.size() >= max_edges_) {
      if (overflowed_++ == 0) overflow_since_wall_ns_ = wall_ns;
      // This leaves one key for each side, port, protocol and minute. Ports are left out too if
      // even those become too many.
      view.program = {};
      view.uid = 0;
      view.peer = {};
      if (edges_.size() >= 2 * max_edges_) view.server_port = 0;
    }
    found = edges_.try_emplace(Key(view)).first;
    model::EdgeCount& edge = found->second;
    edge.host = host_;
    edge.side = view.side;
    edge.program = found->first.program;
    edge.uid = view.uid;
    edge.peer = view.peer;
    edge.server_port = view.server_port;
    edge.minute_wall_ns = view.minute_wall_ns;
    edge.protocol = view.protocol;
  }
  return found->second;
}

void EdgeCounter::Flush(int64_t now_wall_ns, Output& output, bool current_too) {
  const int64_t minute = now_wall_ns - now_wall_ns % kMinuteNs;
  bool flushed = false;
  for (auto it = edges_.begin(); it != edges_.end();) {
    // Compares for equality, so that a clock that steps back does not keep an edge for ever.
    if (it->first.what.minute_wall_ns == minute && !current_too) {
      ++it;
      continue;
    }
    output.OnEdge(it->second);
    edges_.erase(it++);
    flushed = true;
  }
  if (flushed && overflowed_ > 0) {
    model::Loss loss;
    loss.host = host_;
    loss.where = "edges";
    loss.type = "edge";
    loss.count = overflowed_;
    loss.from_wall_ns = overflow_since_wall_ns_;
    loss.until_wall_ns = now_wall_ns;
    output.OnLoss(loss);
    overflowed_ = 0;
  }
}

}  // namespace hoptrail::agent::session
