#ifndef HOPTRAIL_AGENT_RULES_RULE_RUNNER_H_
#define HOPTRAIL_AGENT_RULES_RULE_RUNNER_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "agent/rules/host_rule.h"

namespace hoptrail::agent::rules {

// Runs host rules over the stream of enriched events: each event goes to the rules that asked for
// its kind. Not thread-safe.
//
// A rule speaks for itself only, and of sessions that the collector knows: any other detection is
// refused and counted.
class RuleRunner : public session::EventSink, private DetectionSink {
 public:
  RuleRunner(std::vector<std::unique_ptr<HostRule>> rules,
             std::function<void(model::Detection)> on_detection);

  session::Interests interests() const override { return interests_; }
  void OnEvent(const session::EnrichedEvent& event) override;
  void OnTick(uint64_t boot_ns);

  size_t rule_count() const { return rules_.size(); }
  uint64_t refused() const { return refused_; }

 private:
  void OnDetection(model::Detection detection) override;

  const std::vector<std::unique_ptr<HostRule>> rules_;
  const std::function<void(model::Detection)> on_detection_;
  session::Interests interests_;
  std::array<std::vector<HostRule*>, static_cast<size_t>(session::Activity::kCount)> by_kind_;
  // What is being handled.
  const HostRule* running_ = nullptr;
  const session::EnrichedEvent* event_ = nullptr;
  uint64_t refused_ = 0;
};

}  // namespace hoptrail::agent::rules

#endif  // HOPTRAIL_AGENT_RULES_RULE_RUNNER_H_
