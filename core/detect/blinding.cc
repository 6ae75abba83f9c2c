#include "core/detect/blinding.h"

namespace hoptrail::detect {

const RuleInfo& BlindingInfo() {
  static const RuleInfo& info = *new RuleInfo{
      .id = "blinding",
      .title = "The sensor was interfered with while somebody was logged in",
      .techniques = {"T1562.001", "T1562.006"},
      .severity = model::Severity::kHigh,
      .check =
          "Who was logged in on the host at that time, what ran last before the sensor went quiet, "
          "and does it work again? Events of the time in between may be missing.",
      .benign_causes = {"the machine ran out of memory", "the network between host and collector",
                        "a fault of the sensor's own", "an administrator who debugs it"},
  };
  return info;
}

}  // namespace hoptrail::detect
