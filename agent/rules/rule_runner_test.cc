#include "agent/rules/rule_runner.h"

#include <gtest/gtest.h>

namespace hoptrail::agent::rules {
namespace {

using session::Activity;
using session::EnrichedEvent;

const detect::RuleInfo& Info() {
  static const auto& info = *new detect::RuleInfo{
      .id = "test", .title = "A test", .techniques = {"T1000"}, .severity = model::Severity::kLow};
  return info;
}

// Reports a detection for each event, with the id and the techniques that the test sets.
class TestRule : public HostRule {
 public:
  TestRule(session::Interests interests, std::string id, std::vector<std::string> techniques,
           std::vector<Activity>* seen)
      : interests_(interests),
        id_(std::move(id)),
        techniques_(std::move(techniques)),
        seen_(seen) {}

  const detect::RuleInfo& info() const override { return Info(); }
  session::Interests interests() const override { return interests_; }
  void OnEvent(const EnrichedEvent& event, DetectionSink& out) override {
    seen_->push_back(event.kind);
    model::Detection detection;
    detection.rule = id_;
    detection.techniques = techniques_;
    if (event.session != nullptr) detection.session = event.session->id;
    detection.id = model::DeriveDetectionId(id_, detection.session, "");
    out.OnDetection(detection);
  }
  void OnTick(uint64_t boot_ns, DetectionSink& out) override {
    model::Detection detection;
    detection.rule = id_;
    detection.session.bytes[0] = static_cast<uint8_t>(boot_ns);
    detection.id = model::DeriveDetectionId(id_, detection.session, "");
    out.OnDetection(detection);
  }

 private:
  const session::Interests interests_;
  const std::string id_;
  const std::vector<std::string> techniques_;
  std::vector<Activity>* const seen_;
};

class RuleRunnerTest : public testing::Test {
 protected:
  RuleRunnerTest() { session_.id.bytes[0] = 1; }

  void Run(session::Interests interests, const std::string& id = "test",
           const std::vector<std::string>& techniques = {"T1000"}) {
    rules_.push_back(std::make_unique<TestRule>(interests, id, techniques, &seen_));
  }
  void Start() {
    runner_ = std::make_unique<RuleRunner>(std::move(rules_), [this](model::Detection detection) {
      detections_.push_back(std::move(detection));
    });
  }
  void Feed(Activity kind) {
    runner_->OnEvent({.kind = kind, .session = &session_, .context = &context_});
  }

  model::Session session_;
  session::SessionContext context_{.reported = true};
  std::vector<std::unique_ptr<HostRule>> rules_;
  std::unique_ptr<RuleRunner> runner_;
  std::vector<Activity> seen_;
  std::vector<model::Detection> detections_;
};

TEST_F(RuleRunnerTest, Event_GoesToTheRulesThatAskedForItsKind) {
  Run({Activity::kProcessStarted});
  Run({Activity::kProcessStarted, Activity::kHopEnd});
  Start();
  EXPECT_EQ(runner_->interests(),
            (session::Interests{Activity::kProcessStarted, Activity::kHopEnd}));
  Feed(Activity::kHopEnd);
  EXPECT_EQ(seen_.size(), 1u);
  Feed(Activity::kProcessStarted);
  EXPECT_EQ(seen_.size(), 3u);
  Feed(Activity::kFileOpened);
  EXPECT_EQ(seen_.size(), 3u);
  EXPECT_EQ(detections_.size(), 3u);
  EXPECT_EQ(runner_->refused(), 0u);
}

TEST_F(RuleRunnerTest, DetectionOfASessionThatWasNotReported_IsRefusedAndCounted) {
  Run({Activity::kProcessStarted});
  Start();
  context_.reported = false;
  Feed(Activity::kProcessStarted);
  EXPECT_TRUE(detections_.empty());
  EXPECT_EQ(runner_->refused(), 1u);
}

TEST_F(RuleRunnerTest, DetectionOfNoSession_IsRefusedAndCounted) {
  Run({Activity::kProcessStarted});
  Start();
  runner_->OnEvent({.kind = Activity::kProcessStarted});
  EXPECT_TRUE(detections_.empty());
  EXPECT_EQ(runner_->refused(), 1u);
}

TEST_F(RuleRunnerTest, DetectionWithTheIdOfAnotherRule_IsRefusedAndCounted) {
  Run({Activity::kProcessStarted}, "multi-hop");
  Start();
  Feed(Activity::kProcessStarted);
  EXPECT_TRUE(detections_.empty());
  EXPECT_EQ(runner_->refused(), 1u);
}

TEST_F(RuleRunnerTest, DetectionWithATechniqueOutsideTheMetadata_IsRefusedAndCounted) {
  Run({Activity::kProcessStarted}, "test", {"T1000", "T1021"});
  Start();
  Feed(Activity::kProcessStarted);
  EXPECT_TRUE(detections_.empty());
  EXPECT_EQ(runner_->refused(), 1u);
}

TEST_F(RuleRunnerTest, Tick_ReachesEveryRule) {
  Run({Activity::kProcessStarted});
  Run({Activity::kHopEnd});
  Start();
  runner_->OnTick(7);
  ASSERT_EQ(detections_.size(), 2u);
  EXPECT_EQ(detections_[0].session.bytes[0], 7);
}

}  // namespace
}  // namespace hoptrail::agent::rules
