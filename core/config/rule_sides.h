#ifndef HOPTRAIL_CORE_CONFIG_RULE_SIDES_H_
#define HOPTRAIL_CORE_CONFIG_RULE_SIDES_H_

// Which rules a side may detect, and which are off. The fields of HostRulesConfig name the rules of
// a host, those of FleetRulesConfig the collector's ("brute_force" is the rule "brute-force").
// Thread-safe.

#include "absl/strings/string_view.h"

namespace google::protobuf {
class Message;
}

namespace hoptrail::config {

// An agent may report detections of the rule.
bool IsHostRule(absl::string_view id);

// Whether `rules` (a HostRulesConfig or a FleetRulesConfig) switches the rule off. An unknown rule
// is off.
bool IsRuleDisabled(const google::protobuf::Message& rules, absl::string_view id);

}  // namespace hoptrail::config

#endif  // HOPTRAIL_CORE_CONFIG_RULE_SIDES_H_
