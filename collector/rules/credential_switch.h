#ifndef HOPTRAIL_COLLECTOR_RULES_CREDENTIAL_SWITCH_H_
#define HOPTRAIL_COLLECTOR_RULES_CREDENTIAL_SWITCH_H_

#include <optional>

#include "collector/engine/values/path_view.h"
#include "core/detect/rule.h"
#include "core/model/detection.h"

namespace hoptrail::collector::detect {

// A hop on which the user becomes one that nobody on the path before it was, the root included.
// One detection a session. On the root's own host nothing is judged: su and sudo there are daily.
class CredentialSwitch {
 public:
  static const hoptrail::detect::RuleInfo& Info();

  // Judges the last session of the path.
  std::optional<model::Detection> Judge(const PathView& path) const;
};

}  // namespace hoptrail::collector::detect

#endif  // HOPTRAIL_COLLECTOR_RULES_CREDENTIAL_SWITCH_H_
