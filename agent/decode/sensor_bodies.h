#ifndef HOPTRAIL_AGENT_DECODE_SENSOR_BODIES_H_
#define HOPTRAIL_AGENT_DECODE_SENSOR_BODIES_H_

// Decodes the bodies of records about the sensor itself: tampering and losses. Only for this
// directory.

#include "bpf/abi/events.h"

#include "agent/decode/event.h"

namespace hoptrail::agent::decode {

Tampering ToTampering(const ht_tampering& raw);
Lost ToLost(const ht_lost& raw);

}  // namespace hoptrail::agent::decode

#endif  // HOPTRAIL_AGENT_DECODE_SENSOR_BODIES_H_
