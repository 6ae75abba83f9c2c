#include "collector/rules/blinding.h"

#include <gtest/gtest.h>

#include "collector/rules/path_for_test.h"

namespace hoptrail::collector::detect {
namespace {

TEST(BlindingTest, KilledIsHighSilenceIsMedium) {
  const Step suspect = MakePath({{"ann", "a"}})[0];
  model::Interference interference{suspect.host, model::InterferenceKind::kEnded,
                                   "the worker was killed by signal 9 (Killed)", 5};
  const model::Detection killed = Blinding::Judge(interference, suspect, 2);
  EXPECT_EQ(killed.rule, "blinding");
  EXPECT_EQ(killed.severity, model::Severity::kHigh);
  EXPECT_EQ(killed.session, suspect.session);
  EXPECT_EQ(killed.wall_ns, 5);
  EXPECT_EQ(killed.summary,
            "while ann@a was logged in: the worker was killed by signal 9 (Killed)");
  EXPECT_EQ(killed.evidence.at("other_open_sessions"), "2");

  interference.kind = model::InterferenceKind::kSilent;
  const model::Detection silent = Blinding::Judge(interference, suspect, 0);
  EXPECT_EQ(silent.severity, model::Severity::kMedium);
  EXPECT_NE(silent.id, killed.id);
  EXPECT_EQ(silent.evidence.count("other_open_sessions"), 0u);
  EXPECT_EQ(Blinding::Judge(interference, suspect, 0).id, silent.id) << "told again, not twice";

  interference.kind = model::InterferenceKind::kCloned;
  const model::Detection cloned = Blinding::Judge(interference, suspect, 0);
  EXPECT_EQ(cloned.severity, model::Severity::kMedium);
  EXPECT_EQ(cloned.title, "Two agents speak for one host");
  EXPECT_EQ(cloned.evidence.at("kind"), "cloned");
}

TEST(BlindingTest, LossOfWhatPathsAreMadeOfWeighsMore) {
  const Step suspect = MakePath({{"ann", "a"}})[0];
  model::Loss loss{suspect.host, "ring/high", "tcp", 0, 3, 1, 2};
  EXPECT_EQ(Blinding::Judge(loss, suspect, 0)->severity, model::Severity::kMedium);
  loss.where = "ring/low";
  EXPECT_EQ(Blinding::Judge(loss, suspect, 0)->severity, model::Severity::kLow);
  loss.where = "spool";
  EXPECT_FALSE(Blinding::Judge(loss, suspect, 0).has_value());
}

}  // namespace
}  // namespace hoptrail::collector::detect
