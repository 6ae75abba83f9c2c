#ifndef HOPTRAIL_CORE_DETECT_RULE_H_
#define HOPTRAIL_CORE_DETECT_RULE_H_

// The metadata of a rule, the same for the rules of hosts and of the fleet.

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
  absl::string_view check;                               // what a person should check first
  std::vector<absl::string_view> benign_causes;          // known ones
};

// The parts that vary from one detection of a rule to the next.
struct Occurrence {
  model::HostId host;
  model::SessionId session;
  // Distinguishes it within the session ("192.0.2.1:22"); empty where the rule fires once a
  // session. The same (rule, session, key) is the same detection, reported again.
  absl::string_view key;
  int64_t wall_ns = 0;
};

// A detection with everything that follows from the rule and the occurrence; the caller adds the
// summary and the evidence, and may change the severity.
model::Detection MakeDetection(const RuleInfo& rule, const Occurrence& occurrence);

// Why a rules' runner must refuse the rule's detection: it has the id of another rule, names no
// session, has an id that does not derive from it, or has a technique that the rule's metadata
// lacks. Empty where nothing is wrong.
absl::string_view ReasonToRefuse(const RuleInfo& rule, const model::Detection& detection);

}  // namespace hoptrail::detect

#endif  // HOPTRAIL_CORE_DETECT_RULE_H_
