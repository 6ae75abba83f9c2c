#include "agent/rules/rule_runner.h"

#include <utility>

#include "absl/strings/string_view.h"

#include "core/base/log.h"

namespace hoptrail::agent::rules {

RuleRunner::RuleRunner(std::vector<std::unique_ptr<HostRule>> rules,
                       std::function<void(model::Detection)> on_detection)
    : rules_(std::move(rules)), on_detection_(std::move(on_detection)) {
  for (const std::unique_ptr<HostRule>& rule : rules_) {
    const session::Interests interests = rule->interests();
    interests_ = interests_ | interests;
    for (size_t kind = 0; kind < by_kind_.size(); ++kind) {
      if (interests.Contains(static_cast<session::Activity>(kind))) {
        by_kind_[kind].push_back(rule.get());
      }
    }
  }
}

void RuleRunner::OnEvent(const session::EnrichedEvent& event) {
  event_ = &event;
  for (HostRule* rule : by_kind_[static_cast<size_t>(event.kind)]) {
    running_ = rule;
    rule->OnEvent(event, *this);
  }
  event_ = nullptr;
}

void RuleRunner::OnTick(uint64_t boot_ns) {
  for (const std::unique_ptr<HostRule>& rule : rules_) {
    running_ = rule.get();
    rule->OnTick(boot_ns, *this);
  }
}

void RuleRunner::OnDetection(model::Detection detection) {
  const detect::RuleInfo& rule = running_->info();
  absl::string_view wrong = detect::ReasonToRefuse(rule, detection);
  if (wrong.empty() && event_ != nullptr && event_->session != nullptr &&
      event_->session->id == detection.session && !event_->context->reported) {
    wrong = "its session was not reported";
  }
  if (!wrong.empty()) {
    ++refused_;
    LogWarning("rules", "refused a detection of rule ", rule.id, ": ", wrong);
    return;
  }
  on_detection_(std::move(detection));
}

}  // namespace hoptrail::agent::rules
