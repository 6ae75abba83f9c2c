#ifndef HOPTRAIL_CORE_DETECT_BLINDING_H_
#define HOPTRAIL_CORE_DETECT_BLINDING_H_

#include "core/detect/rule.h"

namespace hoptrail::detect {

// The rule `blinding`: somebody killed, stopped, starved or tampered with the sensor. The host
// detects it where the sensor saw who did it, the collector where only the effect shows.
const RuleInfo& BlindingInfo();

}  // namespace hoptrail::detect

#endif  // HOPTRAIL_CORE_DETECT_BLINDING_H_
