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

// Receives the detections of a rule.
class DetectionSink {
 public:
  virtual ~DetectionSink() = default;
  virtual void OnDetection(model::Detection detection) = 0;
};

// A rule that one host can evaluate by itself. It sees the enriched events of the kinds that it
// asks for and nothing else: the event contains what a rule needs to know about the process and the
// session. Its state must be bounded. Called on one thread.
class HostRule {
 public:
  virtual ~HostRule() = default;

  virtual const detect::RuleInfo& info() const = 0;
  // Called once, at the start.
  virtual session::Interests interests() const = 0;
  // A detection must name a session that was reported (SessionContext::reported).
  virtual void OnEvent(const session::EnrichedEvent& event, DetectionSink& out) = 0;
  // Called about once a second, for conditions that depend on time alone.
  virtual void OnTick(uint64_t boot_ns, DetectionSink& out) {}
};

// The configuration of the rules.
struct RuleOptions {
  v1::HostRulesConfig config;
  std::string unit;  // the agent's own service unit; empty if it has none
};

// A rule's entry in the registry.
struct HostRuleEntry {
  const detect::RuleInfo& (*info)();
  std::unique_ptr<HostRule> (*make)(const RuleOptions& options);
};

// The entry of a class with a static Info() and a constructor that takes RuleOptions.
template <typename Rule>
HostRuleEntry EntryOf() {
  return {&Rule::Info, [](const RuleOptions& options) -> std::unique_ptr<HostRule> {
            return std::make_unique<Rule>(options);
          }};
}

}  // namespace hoptrail::agent::rules

#endif  // HOPTRAIL_AGENT_RULES_HOST_RULE_H_
