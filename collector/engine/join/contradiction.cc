#include "collector/engine/join/contradiction.h"

#include <algorithm>
#include <limits>

#include "absl/numeric/int128.h"

namespace hoptrail::collector::engine {
namespace {

constexpr int64_t kForever = std::numeric_limits<int64_t>::max() / 4;

// Nanoseconds. An agent may report any 64 bits as a time; 128 bits hold every sum of them.
struct Lifetime {
  absl::int128 from = 0;
  absl::int128 until = kForever;
};

Lifetime Of(const model::HopEnd& end, bool boot) {
  Lifetime life;
  life.from = boot ? absl::int128(end.established_boot_ns) : absl::int128(end.established_wall_ns);
  if (end.closed_wall_ns != 0) {
    const absl::int128 lasted = absl::int128(end.closed_wall_ns) - end.established_wall_ns;
    life.until = life.from + std::max<absl::int128>(0, lasted);
  }
  return life;
}

// Acknowledged bytes were received, apart from the two flags (SYN, FIN) that TCP counts like bytes.
bool Reconcilable(uint64_t acknowledged, uint64_t received) {
  return acknowledged <= received + 2 && received <= acknowledged + kInFlightBytes;
}

}  // namespace

bool CountsBytes(const model::HopEnd& end) {
  // The agent counts no bytes for a close that it did not see.
  return end.closed_wall_ns != 0 && (end.bytes_sent != 0 || end.bytes_received != 0);
}

bool BytesReconcile(const model::HopEnd& client, const model::HopEnd& server) {
  return Reconcilable(client.bytes_sent, server.bytes_received) &&
         Reconcilable(server.bytes_sent, client.bytes_received);
}

model::Contradiction FindContradiction(const model::HopEnd& client, const model::HopEnd& server,
                                       std::optional<int64_t> server_ahead_ns) {
  if (CountsBytes(client) && CountsBytes(server) && !BytesReconcile(client, server)) {
    return model::Contradiction::kBytes;
  }
  const bool boot = server_ahead_ns.has_value() && client.established_boot_ns != 0 &&
                    server.established_boot_ns != 0;
  const Lifetime c = Of(client, boot);
  const Lifetime s = Of(server, boot);
  if (!boot && (c.from == 0 || s.from == 0)) return model::Contradiction::kNone;
  const int64_t ahead = boot ? *server_ahead_ns : 0;
  const int64_t slack = boot ? kKnownSlackNs : kUnknownSlackNs;
  const bool apart = c.until + ahead + slack < s.from || s.until + slack < c.from + ahead;
  return apart ? model::Contradiction::kTime : model::Contradiction::kNone;
}

}  // namespace hoptrail::collector::engine
