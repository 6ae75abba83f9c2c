#ifndef HOPTRAIL_AGENT_RULES_RULE_FIXTURE_H_
#define HOPTRAIL_AGENT_RULES_RULE_FIXTURE_H_

// For tests: one rule that gets events from the test itself, or from the session stage on a fake
// kernel.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "agent/rules/host_rule.h"
#include "agent/rules/registry.h"
#include "agent/rules/rule_runner.h"
#include "agent/session/correlator.h"
#include "agent/session/fake_kernel.h"
#include "agent/session/output.h"

namespace hoptrail::agent::rules {

// A rule alone. Keeps what it reports.
class RuleTest : public testing::Test, public DetectionSink {
 protected:
  void OnDetection(model::Detection detection) override {
    detections_.push_back(std::move(detection));
  }

  // The detection that the rule reports for the event; more than one fails the test.
  std::optional<model::Detection> Feed(HostRule& rule, session::EnrichedEvent event) {
    detections_.clear();
    event.clock = &clock_;
    if (event.session != nullptr && event.context == nullptr) event.context = &context_;
    rule.OnEvent(event, *this);
    EXPECT_LE(detections_.size(), 1u);
    if (detections_.empty()) return std::nullopt;
    return detections_.front();
  }

  FakeClock clock_;
  session::SessionContext context_{.reported = true};
  std::vector<model::Detection> detections_;
};

// A rule behind the session stage, which gets the records of a fake kernel.
class HostRuleTest : public testing::Test, public session::Output {
 protected:
  using ProcessKey = model::ProcessKey;

  explicit HostRuleTest(absl::string_view id, RuleOptions options = {}) {
    std::vector<std::unique_ptr<HostRule>> rules;
    rules.push_back(MakeHostRule(id, options));
    runner_ = std::make_unique<RuleRunner>(std::move(rules), [this](model::Detection detection) {
      detections_.push_back(std::move(detection));
    });
    host_.machine.bytes[0] = 1;
    session::Correlator::Options stage;
    stage.host = host_;
    stage.clock = &clock_;
    stage.host_pid_namespace = 100;
    stage.user_resolver = [](uint32_t uid) { return uid == 0 ? "root" : "staff"; };
    correlator_ = std::make_unique<session::Correlator>(std::move(stage), this, runner_.get());
    kernel_.out = [this](const decode::Event& event) { correlator_->Handle(event); };
    sshd_ = kernel_.StartSshd();
  }

  // Logs in by ssh; returns the user's shell. Its session is that of monitor_.
  ProcessKey LogIn() {
    monitor_ = kernel_.Serve(sshd_, kernel_.Arrive(++port_), true);
    const ProcessKey shell = kernel_.LogIn(monitor_, "staff", 1000, 7 + port_,
                                           session::FakeKernel::AcceptedKey("staff", port_));
    kernel_.Exec(shell, "/bin/bash");
    return shell;
  }
  // The collector sends the provenance of the last login: so many hops from its root.
  void SetDepth(uint32_t depth) {
    model::Provenance provenance;
    provenance.session = Login();
    provenance.depth = depth;
    provenance.path = {"staff@gw", "staff@web"};
    ASSERT_TRUE(correlator_->Handle(provenance, clock_.BootNs()));
  }
  model::SessionId Login() const { return model::DeriveSessionId(host_, monitor_); }
  uint64_t refused() const { return runner_->refused(); }

  FakeClock clock_;
  session::FakeKernel kernel_{&clock_};
  model::HostId host_;
  ProcessKey sshd_, monitor_;
  std::vector<model::Detection> detections_;

 private:
  void OnSession(const model::Session&) override {}
  void OnHopEnd(const model::HopEnd&) override {}
  void OnLoginAttempt(const model::LoginAttempt&, const model::SessionId&) override {}
  void OnEdge(const model::EdgeCount&) override {}
  void OnLoss(const model::Loss&) override {}

  std::unique_ptr<RuleRunner> runner_;
  std::unique_ptr<session::Correlator> correlator_;
  uint16_t port_ = 40000;
};

}  // namespace hoptrail::agent::rules

#endif  // HOPTRAIL_AGENT_RULES_RULE_FIXTURE_H_
