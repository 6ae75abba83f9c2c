#ifndef HOPTRAIL_CORE_DETECT_BLINDING_H_
#define HOPTRAIL_CORE_DETECT_BLINDING_H_

#include "core/detect/rule.h"

namespace hoptrail::detect {

// `blinding`: the sensor killed, stopped, starved or tampered with. Judged on the host where the
// one who did it was seen, and by the collector where only the effect was.
const RuleInfo& BlindingInfo();

}  // namespace hoptrail::detect

#endif  // HOPTRAIL_CORE_DETECT_BLINDING_H_
