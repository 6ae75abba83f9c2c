#ifndef HOPTRAIL_COLLECTOR_ENGINE_JOIN_CONTRADICTION_H_
#define HOPTRAIL_COLLECTOR_ENGINE_JOIN_CONTRADICTION_H_

#include <cstdint>
#include <optional>

#include "core/model/hop.h"

namespace hoptrail::collector::engine {

enum class Contradiction : uint8_t {
  kNone = 0,
  kBytes,  // one received what the other cannot have sent
  kTime,   // one had closed long before the other was established
};

// Whether two ends of one hop key can be one connection. Addresses and ports are not compared:
// translation changes them. `server_ahead_ns` is the server's boot clock minus the client's where
// that is well known; it never steps, as wall clocks do.
//
// Only the lifetimes must overlap, not the times of establishment: an agent that starts in the
// middle of a connection tells when it found it.
Contradiction FindContradiction(const model::HopEnd& client, const model::HopEnd& server,
                                std::optional<int64_t> server_ahead_ns);

// What one end may have received beyond what its peer knows to be acknowledged when it closed.
inline constexpr uint64_t kInFlightBytes = 16 << 20;
// Slack of the clocks: where their difference is well known, and where only wall clocks are left
// (hosts without time synchronisation, or an hour or a time zone wrong).
inline constexpr int64_t kKnownSlackNs = 5LL * 60 * 1'000'000'000;
inline constexpr int64_t kUnknownSlackNs = 24LL * 3600 * 1'000'000'000;

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_JOIN_CONTRADICTION_H_
