#ifndef HOPTRAIL_CORE_MODEL_UNMONITORED_H_
#define HOPTRAIL_CORE_MODEL_UNMONITORED_H_

// Machines without a reporting agent that the fleet's hosts connect to and are entered from. The
// collector shows each as a host of its own, which it names by the address
// (docs/decisions/0035).

#include <optional>

#include "core/model/ids.h"
#include "core/model/net.h"

namespace hoptrail::model {

// No agent has such an id: the collector refuses a boot id of this kind.
HostId UnmonitoredHost(const IpAddress& address);
// The address of such a host; nothing for all others.
std::optional<IpAddress> UnmonitoredAddress(const HostId& host);

}  // namespace hoptrail::model

#endif  // HOPTRAIL_CORE_MODEL_UNMONITORED_H_
