#ifndef HOPTRAIL_AGENT_RULES_HOST_RULE_H_
#define HOPTRAIL_AGENT_RULES_HOST_RULE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "agent/session/enriched_event.h"
#include "core/detect/rule.h"
#include "core/model/detection.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::agent::rules {

// Where a rule's detections go.
class DetectionSink {
 public:
  virtual ~DetectionSink() = default;
  virtual void OnDetection(model::Detection detection) = 0;
};

// A rule that one host can judge by itself. It sees the enriched events of the kinds that it asks
// for and nothing else: what it needs to know of a process or a session is in the event. One
// thread; bounded state.
class HostRule {
 public:
  virtual ~HostRule() = default;

  virtual const detect::RuleInfo& info() const = 0;
  // Asked once, at the start.
  virtual session::Interests interests() const = 0;
  // A detection must name a session that was reported (SessionContext::reported).
  virtual void OnEvent(const session::EnrichedEvent& event, DetectionSink& out) = 0;
  // About once a second, for what depends on time alone.
  virtual void OnTick(uint64_t boot_ns, DetectionSink& out) {}
};

// What a rule is made from.
struct RuleOptions {
  v1::HostRulesConfig config;
  std::string unit;  // the agent's own service unit, empty where it is in none
};

// A rule's line in the registry.
struct HostRuleEntry {
  const detect::RuleInfo& (*info)();
  std::unique_ptr<HostRule> (*make)(const RuleOptions& options);
};

// Of a class with a static Info() and a constructor that takes RuleOptions.
template <typename Rule>
HostRuleEntry EntryOf() {
  return {&Rule::Info, [](const RuleOptions& options) -> std::unique_ptr<HostRule> {
            return std::make_unique<Rule>(options);
          }};
}

// A number of the configuration, where 0 stands for the default.
inline uint32_t ValueOr(uint32_t value, uint32_t otherwise) {
  return value == 0 ? otherwise : value;
}

}  // namespace hoptrail::agent::rules

#endif  // HOPTRAIL_AGENT_RULES_HOST_RULE_H_
