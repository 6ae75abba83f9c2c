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

// Everything while nobody is logged in; docs/decisions/0033 has the same table.
TEST(BlindingRuleTest, NobodyLoggedIn_SeverityDependsOnTheCauseAndOnWhatPreceded) {
  using engine::AgentReturn;
  using engine::AgentSilence;
  using model::InterferenceKind;
  using model::Severity;
  using model::StopCause;
  const Step suspect = MakePath({{"ann", "a"}})[0];
  const auto interference = [&](InterferenceKind kind) {
    return model::Interference{suspect.host, kind, "", 5};
  };
  const auto goodbye = [](StopCause cause) { return model::Goodbye{cause, "", {}}; };
  const auto comes_back = [](AgentReturn::Missing missing, bool broken) {
    return AgentReturn{.missing = missing, .broken = broken};
  };
  struct Row {
    const char* name;
    engine::AgentTroubleKind what;
    Severity alone, after_hop, after_detection;
  };
  const Row kRows[] = {
      {"killed", interference(InterferenceKind::kEnded), Severity::kHigh, Severity::kHigh,
       Severity::kHigh},
      {"stopped", interference(InterferenceKind::kStopped), Severity::kHigh, Severity::kHigh,
       Severity::kHigh},
      {"blind", interference(InterferenceKind::kBlind), Severity::kLow, Severity::kMedium,
       Severity::kMedium},
      {"weakened", interference(InterferenceKind::kWeakened), Severity::kLow, Severity::kMedium,
       Severity::kMedium},
      {"silent", AgentSilence{}, Severity::kLow, Severity::kMedium, Severity::kMedium},
      {"closed", AgentSilence{.closed = true}, Severity::kMedium, Severity::kMedium,
       Severity::kMedium},
      {"closed among others", AgentSilence{.closed = true, .among_others = true}, Severity::kLow,
       Severity::kLow, Severity::kMedium},
      {"silent among others", AgentSilence{.among_others = true}, Severity::kLow, Severity::kLow,
       Severity::kMedium},
      {"state lost, stream broken", comes_back(AgentReturn::Missing::kState, true), Severity::kHigh,
       Severity::kHigh, Severity::kHigh},
      {"state lost after a goodbye", comes_back(AgentReturn::Missing::kState, false),
       Severity::kLow, Severity::kMedium, Severity::kMedium},
      {"end unseen", comes_back(AgentReturn::Missing::kEnd, true), Severity::kHigh, Severity::kHigh,
       Severity::kHigh},
      {"records missing", comes_back(AgentReturn::Missing::kRecords, false), Severity::kMedium,
       Severity::kMedium, Severity::kMedium},
      {"spool removed", model::Loss{suspect.host, "spool", "removed", 0, 1, 1, 2},
       Severity::kMedium, Severity::kMedium, Severity::kMedium},
      {"spool damaged", model::Loss{suspect.host, "spool", "damaged", 0, 1, 1, 2}, Severity::kLow,
       Severity::kMedium, Severity::kMedium},
      {"asked by a process", goodbye(StopCause::kProcess), Severity::kMedium, Severity::kHigh,
       Severity::kHigh},
      {"asked, cause unknown", goodbye(StopCause::kUnknown), Severity::kLow, Severity::kMedium,
       Severity::kMedium},
      {"package manager", goodbye(StopCause::kPackageManager), Severity::kLow, Severity::kLow,
       Severity::kLow},
  };
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.name);
    AgentTrouble trouble{
        .what = row.what, .suspect = suspect, .ground = engine::SuspectGround::kHost};
    const auto severity = [&] {
      const auto found = Evaluate(trouble);
      EXPECT_TRUE(found.has_value());
      return found.has_value() ? found->severity : Severity::kUnknown;
    };
    EXPECT_EQ(severity(), row.alone);
    trouble.before.hop_lately = true;
    EXPECT_EQ(severity(), row.after_hop);
    trouble.before.detection_lately = true;
    EXPECT_EQ(severity(), row.after_detection);
  }
}

TEST(BlindingRuleTest, UpgradeAfterASignal_DoesNotTakeItsPlace) {
  const Step suspect = MakePath({{"ann", "a"}})[0];
  const auto signal = Evaluate(model::Goodbye{model::StopCause::kProcess, "", {}}, suspect, true);
  const auto upgrade =
      Evaluate(model::Goodbye{model::StopCause::kPackageManager, "", {}}, suspect, true);
  ASSERT_TRUE(signal.has_value() && upgrade.has_value());
  EXPECT_NE(signal->id, upgrade->id);
}

TEST(BlindingRuleTest, Evidence_HasWhatPreceded) {
  AgentTrouble trouble{.what = engine::AgentSilence{.detail = "no message came"},
                       .suspect = MakePath({{"ann", "a"}})[0],
                       .ground = engine::SuspectGround::kServed};
  trouble.before = {.hops_in = {"one", "two"}, .detections = {"three"}, .sessions = {"four"}};
  const auto found = Evaluate(trouble);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->evidence.at("last_hops_in"), "one; two");
  EXPECT_EQ(found->evidence.at("last_detections"), "three");
  EXPECT_EQ(found->evidence.at("last_sessions"), "four");
  EXPECT_EQ(found->evidence.at("suspect"), "ann@a");
  EXPECT_EQ(found->evidence.count("logged_in"), 0u);
  EXPECT_EQ(found->summary,
            "nobody was logged in, and ann@a had accepted a connection: no message came");
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
