#ifndef HOPTRAIL_CORE_MODEL_DRIVER_H_
#define HOPTRAIL_CORE_MODEL_DRIVER_H_

#include <cstddef>
#include <string>
#include <vector>

#include "core/model/ids.h"
#include "core/model/net.h"

namespace hoptrail::model {

// Something other than its own login that may have made a session act: a connection that it serves,
// or another session of the same host. A value.
struct Driver {
  HopKey hop_key;          // of the connection; empty if a session is the driver
  SessionId session;       // on the same host; empty for a connection
  std::string method;      // how that session did it: "ssh mux", "ptrace", …
  double probability = 0;  // (0, 1]; those of one action add up to at most 1
  bool later = false;      // of what the driven connection carries, not of the connection itself

  bool operator==(const Driver&) const = default;
};

// Likeliest first.
using Drivers = std::vector<Driver>;
inline constexpr size_t kMaxDrivers = 4;

// The id of a drive, which is what `session` does because of `driver`. Derived from both; method
// and probability do not matter.
SessionId DeriveDriveId(const SessionId& session, const Driver& driver);

}  // namespace hoptrail::model

#endif  // HOPTRAIL_CORE_MODEL_DRIVER_H_
