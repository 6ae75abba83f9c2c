#ifndef HOPTRAIL_COLLECTOR_STORE_HOST_STATE_H_
#define HOPTRAIL_COLLECTOR_STORE_HOST_STATE_H_

#include <cstdint>

namespace hoptrail::collector::store {

// Whether an agent's stream is open. The numbers are stored, and those of v1::HostState.
enum class HostState : uint8_t { kUnknown = 0, kConnected, kDisconnected, kSilent };

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_HOST_STATE_H_
