#ifndef HOPTRAIL_COLLECTOR_ENGINE_JOIN_CONTRADICTION_H_
#define HOPTRAIL_COLLECTOR_ENGINE_JOIN_CONTRADICTION_H_

#include <cstdint>
#include <optional>

#include "core/model/hop.h"

namespace hoptrail::collector::engine {

// Whether two ends of one hop key can be one connection. Addresses and ports are not compared,
// since address translation changes them. `server_ahead_ns` is the server's boot clock minus the
// client's, if that is well known; unlike wall clocks, boot clocks never step.
//
// Only the lifetimes must overlap, not the times of establishment: an agent that starts in the
// middle of a connection reports the time when it found the connection.
model::Contradiction FindContradiction(const model::HopEnd& client, const model::HopEnd& server,
                                       std::optional<int64_t> server_ahead_ns);

// Whether the end has counted the connection's bytes: it is closed, and its agent saw the close.
bool CountsBytes(const model::HopEnd& end);
// Whether each of two ends that count bytes can have received what the other has sent.
bool BytesReconcile(const model::HopEnd& client, const model::HopEnd& server);

// The bytes that one end may have received beyond those that its peer knew to be acknowledged.
inline constexpr uint64_t kInFlightBytes = 16 << 20;
// The slack of lifetimes if the difference of the boot clocks is known, and if only wall clocks can
// be compared (hosts without time synchronisation, or an hour or a time zone wrong).
inline constexpr int64_t kKnownSlackNs = 5LL * 60 * 1'000'000'000;
inline constexpr int64_t kUnknownSlackNs = 24LL * 3600 * 1'000'000'000;

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_JOIN_CONTRADICTION_H_
