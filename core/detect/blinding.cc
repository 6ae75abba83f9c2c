#include "core/detect/blinding.h"

namespace hoptrail::detect {

const RuleInfo& BlindingInfo() {
  static const RuleInfo& info = *new RuleInfo{
      .id = "blinding",
      .title = "The sensor was interfered with",
      .techniques = {"T1562.001", "T1562.006"},
      .severity = model::Severity::kHigh,
      .check =
          "Who or what was on the host at that time, what came in or was detected before, and does "
          "the "
          "sensor work again? Events of the time in between may be missing.",
      .benign_causes = {"the machine ran out of memory", "the network between host and collector",
                        "a fault of the sensor's own", "an administrator who debugs it",
                        "a new installation of the sensor"},
  };
  return info;
}

}  // namespace hoptrail::detect
