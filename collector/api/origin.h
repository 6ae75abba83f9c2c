#ifndef HOPTRAIL_COLLECTOR_API_ORIGIN_H_
#define HOPTRAIL_COLLECTOR_API_ORIGIN_H_

#include "absl/status/status.h"

#include "collector/api/message_reader.h"
#include <hoptrail/v1/graph.pb.h>

namespace hoptrail::collector::api {

// Fills in PathStep.origin_hosts of a root: the hosts of the fleet that have, or had, the address
// from which its connection came, and what is missing of each. Does nothing where an agent has
// reported the client's end of that connection. Of a step on a host without an agent: those that
// have or had its address.
absl::Status AddOrigin(MessageReader* reader, v1::PathStep* step);

}  // namespace hoptrail::collector::api

#endif  // HOPTRAIL_COLLECTOR_API_ORIGIN_H_
