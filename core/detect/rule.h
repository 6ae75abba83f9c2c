#ifndef HOPTRAIL_CORE_DETECT_RULE_H_
#define HOPTRAIL_CORE_DETECT_RULE_H_

// What is said of a rule, once, wherever it runs: on a host or over the fleet.

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"

#include "core/model/detection.h"

namespace hoptrail::detect {

// A rule's metadata. A value with static storage duration: its views point at literals.
struct RuleInfo {
  absl::string_view id;                                  // "pivot"
  absl::string_view title;                               // one line for a person
  std::vector<absl::string_view> techniques;             // ATT&CK ids, "T1021.004"
  model::Severity severity = model::Severity::kUnknown;  // unless the rule says otherwise
  absl::string_view check;                               // what a person should look at first
  std::vector<absl::string_view> benign_causes;          // known ones
};

// What varies from one detection of a rule to the next.
struct Occurrence {
  model::HostId host;
  model::SessionId session;
  // What makes it distinct within the session ("192.0.2.1:22"); empty where the rule fires once a
  // session. The same (rule, session, key) is the same detection, told again.
  absl::string_view key;
  int64_t wall_ns = 0;
};

// A detection with everything that follows from the rule and the occurrence; the caller adds the
// summary and the evidence, and may change the severity.
model::Detection MakeDetection(const RuleInfo& rule, const Occurrence& occurrence);

}  // namespace hoptrail::detect

#endif  // HOPTRAIL_CORE_DETECT_RULE_H_
