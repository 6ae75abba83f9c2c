#include <cstddef>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/values/path_for_test.h"
#include "collector/rules/registry.h"

namespace hoptrail::collector::rules {
namespace {

using engine::AgentTrouble;
using engine::MakePath;
using engine::Step;

std::optional<model::Detection> Evaluate(const AgentTrouble& trouble) {
  return MakeFleetRule("blinding", {})->OnAgentTrouble(trouble);
}

AgentTrouble Trouble(const Step& suspect, size_t others) {
  return {.wall_ns = 7,
          .suspect = suspect,
          .ground = engine::SuspectGround::kLoggedIn,
          .suspect_is_login = true,
          .other_sessions = others};
}

model::Detection Evaluate(const model::Interference& interference, const Step& suspect,
                          size_t others) {
  AgentTrouble trouble = Trouble(suspect, others);
  trouble.what = interference;
  return Evaluate(trouble).value();
}

std::optional<model::Detection> Evaluate(const model::Loss& loss, const Step& suspect) {
  AgentTrouble trouble = Trouble(suspect, 1);
  trouble.what = loss;
  return Evaluate(trouble);
}

std::optional<model::Detection> Evaluate(const model::Goodbye& goodbye, const Step& suspect,
                                         bool named) {
  AgentTrouble trouble = Trouble(suspect, 0);
  trouble.what = goodbye;
  if (named) trouble.ground = engine::SuspectGround::kNamed;
  return Evaluate(trouble);
}

TEST(BlindingRuleTest, Fires_HighForAKilledAgentAndMediumForASilentOne) {
  const Step suspect = MakePath({{"ann", "a"}})[0];
  model::Interference interference{suspect.host, model::InterferenceKind::kEnded,
                                   "the worker was killed by signal 9 (Killed)", 5};
  const model::Detection killed = Evaluate(interference, suspect, 2);
  EXPECT_EQ(killed.rule, "blinding");
  EXPECT_EQ(killed.severity, model::Severity::kHigh);
  EXPECT_EQ(killed.session, suspect.session);
  EXPECT_EQ(killed.wall_ns, 5);
  EXPECT_EQ(killed.summary,
            "while ann@a was logged in: the worker was killed by signal 9 (Killed)");
  EXPECT_EQ(killed.evidence.at("other_open_sessions"), "2");

  interference.kind = model::InterferenceKind::kSilent;
  const model::Detection silent = Evaluate(interference, suspect, 0);
  EXPECT_EQ(silent.severity, model::Severity::kMedium);
  EXPECT_NE(silent.id, killed.id);
  EXPECT_EQ(silent.evidence.count("other_open_sessions"), 0u);
  EXPECT_EQ(Evaluate(interference, suspect, 0).id, silent.id)
      << "the same detection, emitted again";

  interference.kind = model::InterferenceKind::kCloned;
  const model::Detection cloned = Evaluate(interference, suspect, 0);
  EXPECT_EQ(cloned.severity, model::Severity::kMedium);
  EXPECT_EQ(cloned.title, "Two agents speak for one host");
  EXPECT_EQ(cloned.evidence.at("kind"), "cloned");

  interference.kind = model::InterferenceKind::kWeakened;
  interference.detail = "less is reported: rules.pivot";
  const model::Detection weakened = Evaluate(interference, suspect, 0);
  EXPECT_EQ(weakened.severity, model::Severity::kMedium);
  EXPECT_EQ(weakened.evidence.at("kind"), "weakened");
  EXPECT_THAT(weakened.summary, testing::HasSubstr("rules.pivot"));
}

TEST(BlindingRuleTest, Fires_ForLossOfTheKernelSideWithSeverityByRing) {
  const Step suspect = MakePath({{"ann", "a"}})[0];
  model::Loss loss{suspect.host, "ring/high", "tcp", 0, 3, 1, 2};
  const auto high = Evaluate(loss, suspect);
  ASSERT_TRUE(high.has_value());
  EXPECT_EQ(high->severity, model::Severity::kMedium);
  loss.where = "ring/low";
  const auto low = Evaluate(loss, suspect);
  ASSERT_TRUE(low.has_value());
  EXPECT_EQ(low->severity, model::Severity::kLow);
}

TEST(BlindingRuleTest, Fires_ForAGoodbyeThatALoginCaused) {
  const Step suspect = MakePath({{"ann", "a"}})[0];
  model::Goodbye goodbye;
  goodbye.cause = model::StopCause::kProcess;
  const auto killed = Evaluate(goodbye, suspect, /*named=*/true);
  ASSERT_TRUE(killed.has_value());
  EXPECT_EQ(killed->title, "A login ended the sensor");
  EXPECT_EQ(killed->severity, model::Severity::kHigh);
  EXPECT_EQ(killed->wall_ns, 7);
  goodbye.cause = model::StopCause::kServiceManager;
  goodbye.session = suspect.session;
  const auto asked = Evaluate(goodbye, suspect, /*named=*/true);
  ASSERT_TRUE(asked.has_value());
  EXPECT_EQ(asked->severity, model::Severity::kMedium);
}

TEST(BlindingRuleTest, StaysSilent_ForLossInTheAgentsQueues) {
  const Step suspect = MakePath({{"ann", "a"}})[0];
  EXPECT_FALSE(
      Evaluate(model::Loss{suspect.host, "spool", "tcp", 0, 3, 1, 2}, suspect).has_value());
}

TEST(BlindingRuleTest, StaysSilent_ForAStopByTheServiceManagerOrReplacement) {
  const Step suspect = MakePath({{"ann", "a"}})[0];
  model::Goodbye goodbye;
  goodbye.cause = model::StopCause::kServiceManager;
  EXPECT_FALSE(Evaluate(goodbye, suspect, false).has_value());
  goodbye.cause = model::StopCause::kReplacement;
  goodbye.session = suspect.session;
  EXPECT_FALSE(Evaluate(goodbye, suspect, true).has_value());
}

}  // namespace
}  // namespace hoptrail::collector::rules
