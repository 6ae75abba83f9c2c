#include "collector/rules/blinding.h"

#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/rules/path_for_test.h"

namespace hoptrail::collector::rules {
namespace {

using engine::AgentTrouble;

AgentTrouble Trouble(const Step& suspect, size_t others) {
  return {.wall_ns = 7, .suspect = suspect, .other_sessions = others};
}

model::Detection Judge(const model::Interference& interference, const Step& suspect,
                       size_t others) {
  AgentTrouble trouble = Trouble(suspect, others);
  trouble.what = interference;
  return Blinding({}).OnAgentTrouble(trouble).value();
}

std::optional<model::Detection> Judge(const model::Loss& loss, const Step& suspect) {
  AgentTrouble trouble = Trouble(suspect, 1);
  trouble.what = loss;
  return Blinding({}).OnAgentTrouble(trouble);
}

std::optional<model::Detection> Judge(const model::Goodbye& goodbye, const Step& suspect,
                                      bool named) {
  AgentTrouble trouble = Trouble(suspect, 0);
  trouble.what = goodbye;
  trouble.named = named;
  return Blinding({}).OnAgentTrouble(trouble);
}

TEST(BlindingTest, FiresHighForAKilledAgentAndMediumForASilentOne) {
  const Step suspect = MakePath({{"ann", "a"}})[0];
  model::Interference interference{suspect.host, model::InterferenceKind::kEnded,
                                   "the worker was killed by signal 9 (Killed)", 5};
  const model::Detection killed = Judge(interference, suspect, 2);
  EXPECT_EQ(killed.rule, "blinding");
  EXPECT_EQ(killed.severity, model::Severity::kHigh);
  EXPECT_EQ(killed.session, suspect.session);
  EXPECT_EQ(killed.wall_ns, 5);
  EXPECT_EQ(killed.summary,
            "while ann@a was logged in: the worker was killed by signal 9 (Killed)");
  EXPECT_EQ(killed.evidence.at("other_open_sessions"), "2");

  interference.kind = model::InterferenceKind::kSilent;
  const model::Detection silent = Judge(interference, suspect, 0);
  EXPECT_EQ(silent.severity, model::Severity::kMedium);
  EXPECT_NE(silent.id, killed.id);
  EXPECT_EQ(silent.evidence.count("other_open_sessions"), 0u);
  EXPECT_EQ(Judge(interference, suspect, 0).id, silent.id) << "told again, not twice";

  interference.kind = model::InterferenceKind::kCloned;
  const model::Detection cloned = Judge(interference, suspect, 0);
  EXPECT_EQ(cloned.severity, model::Severity::kMedium);
  EXPECT_EQ(cloned.title, "Two agents speak for one host");
  EXPECT_EQ(cloned.evidence.at("kind"), "cloned");

  interference.kind = model::InterferenceKind::kWeakened;
  interference.detail = "less is reported: rules.pivot";
  const model::Detection weakened = Judge(interference, suspect, 0);
  EXPECT_EQ(weakened.severity, model::Severity::kMedium);
  EXPECT_EQ(weakened.evidence.at("kind"), "weakened");
  EXPECT_THAT(weakened.summary, testing::HasSubstr("rules.pivot"));
}

TEST(BlindingTest, FiresForLossesOfTheKernelSideByWhatWasLost) {
  const Step suspect = MakePath({{"ann", "a"}})[0];
  model::Loss loss{suspect.host, "ring/high", "tcp", 0, 3, 1, 2};
  const auto high = Judge(loss, suspect);
  ASSERT_TRUE(high.has_value());
  EXPECT_EQ(high->severity, model::Severity::kMedium);
  loss.where = "ring/low";
  const auto low = Judge(loss, suspect);
  ASSERT_TRUE(low.has_value());
  EXPECT_EQ(low->severity, model::Severity::kLow);
}

TEST(BlindingTest, FiresForAGoodbyeThatSomebodyAskedFor) {
  const Step suspect = MakePath({{"ann", "a"}})[0];
  model::Goodbye goodbye;
  goodbye.cause = model::StopCause::kProcess;
  const auto killed = Judge(goodbye, suspect, /*named=*/true);
  ASSERT_TRUE(killed.has_value());
  EXPECT_EQ(killed->title, "A login ended the sensor");
  EXPECT_EQ(killed->severity, model::Severity::kHigh);
  EXPECT_EQ(killed->wall_ns, 7);
  goodbye.cause = model::StopCause::kServiceManager;
  goodbye.session = suspect.session;
  const auto asked = Judge(goodbye, suspect, /*named=*/true);
  ASSERT_TRUE(asked.has_value());
  EXPECT_EQ(asked->severity, model::Severity::kMedium);
}

TEST(BlindingTest, DoesNotFireForLossesOfTheAgentsOwnQueues) {
  const Step suspect = MakePath({{"ann", "a"}})[0];
  EXPECT_FALSE(Judge(model::Loss{suspect.host, "spool", "tcp", 0, 3, 1, 2}, suspect).has_value());
}

TEST(BlindingTest, DoesNotFireForAServiceManagersOwnStopOrAReplacement) {
  const Step suspect = MakePath({{"ann", "a"}})[0];
  model::Goodbye goodbye;
  goodbye.cause = model::StopCause::kServiceManager;
  EXPECT_FALSE(Judge(goodbye, suspect, false).has_value());
  goodbye.cause = model::StopCause::kReplacement;
  goodbye.session = suspect.session;
  EXPECT_FALSE(Judge(goodbye, suspect, true).has_value());
}

}  // namespace
}  // namespace hoptrail::collector::rules
