#ifndef HOPTRAIL_AGENT_RULES_RULE_RUNNER_H_
#define HOPTRAIL_AGENT_RULES_RULE_RUNNER_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "agent/rules/host_rule.h"

namespace hoptrail::agent::rules {

// Runs host rules over the stream of enriched events: passes each event to the rules that asked for
// its kind. Refuses and counts detections that detect::ReasonToRefuse refuses, and those of a
// session that was not reported. Not thread-safe.
class RuleRunner : public session::EventSink, private DetectionSink {
 public:
  RuleRunner(std::vector<std::unique_ptr<HostRule>> rules,
             std::function<void(model::Detection)> on_detection);

  session::Interests interests() const override { return interests_; }
  void OnEvent(const session::EnrichedEvent& event) override;
  void OnTick(uint64_t boot_ns);

  uint64_t refused() const { return refused_; }  // detections

 private:
  void OnDetection(model::Detection detection) override;

  const std::vector<std::unique_ptr<HostRule>> rules_;
  const std::function<void(model::Detection)> on_detection_;
  session::Interests interests_;
  std::array<std::vector<HostRule*>, static_cast<size_t>(session::Activity::kCount)> by_kind_;
  // The rule and the event that are being handled.
  const HostRule* running_ = nullptr;
  const session::EnrichedEvent* event_ = nullptr;
  uint64_t refused_ = 0;
};

}  // namespace hoptrail::agent::rules

#endif  // HOPTRAIL_AGENT_RULES_RULE_RUNNER_H_
