// Which session the engine ties an agent's trouble to.

#include <type_traits>

#include <gtest/gtest.h>

#include "collector/engine/engine.h"
#include "collector/engine/story_for_test.h"

namespace hoptrail::collector::engine {
namespace {

class SuspicionTest : public testing::Test {
 protected:
  SuspicionTest() {
    options_.clock = &clock_;
    story_.AddHost("gw");
    story_.AddHost("db");
  }

  model::Interference Killed(const std::string& host) {
    return {Story::Host(host), model::InterferenceKind::kEnded, "the worker was killed", 5};
  }
  // The detections of `blinding` that `last` adds to the facts reported so far.
  std::vector<model::Detection> Evaluate(const model::Fact& last) {
    return Evaluate([&](Engine& engine, Outcome* outcome) { engine.Apply(last, outcome); });
  }
  // The same for a goodbye of the agent of gw.
  std::vector<model::Detection> Evaluate(const model::Goodbye& goodbye) {
    return Evaluate([&](Engine& engine, Outcome* outcome) {
      engine.Apply(Story::Host("gw"), goodbye, outcome);
    });
  }
  template <typename Last>
  requires std::is_invocable_v<Last, Engine&, Outcome*> std::vector<model::Detection> Evaluate(
      const Last& last) {
    Engine engine(options_);
    Outcome before, after;
    engine.Apply(story_.in_order(), &before);
    last(engine, &after);
    std::vector<model::Detection> found;
    for (const model::Detection& each : after.detections) {
      if (each.rule == "blinding") found.push_back(each);
    }
    return found;
  }

  FakeClock clock_;
  EngineOptions options_;
  Story story_;
};

TEST_F(SuspicionTest, TroubleWithoutAnOpenLogin_IsNoDetection) {
  EXPECT_TRUE(Evaluate(Killed("gw")).empty());
  model::Session ann = story_.Login("gw", "ann", "192.0.2.9", 10);
  EXPECT_EQ(Evaluate(Killed("gw")).size(), 1u);
  EXPECT_TRUE(Evaluate(Killed("db")).empty()) << "another host";
  ann.closed_wall_ns = story_.Wall("gw", 20);
  story_.Report("gw", ann);
  EXPECT_TRUE(Evaluate(Killed("gw")).empty()) << "she has gone";
}

TEST_F(SuspicionTest, ServiceOrConnectionWithoutLogin_IsNotSuspected) {
  story_.Report("gw", story_.MakeSession("gw", "root", 5, model::EntryKind::kService));
  model::Session connection = story_.MakeSession("gw", "", 6);
  connection.logged_in = false;
  story_.Report("gw", connection);
  EXPECT_TRUE(Evaluate(Killed("gw")).empty());
}

TEST_F(SuspicionTest, SessionOverAHop_IsSuspectedBeforeALaterLogin) {
  const model::Session ann = story_.Login("gw", "ann", "192.0.2.9", 10);
  const model::Flow flow{{Address("10.0.3.2"), 50002}, {Address("10.0.3.3"), 22}};
  const model::Session root = story_.Hop(ann, "gw", "db", "root", 20, flow, flow);
  const model::Session admin = story_.Login("db", "admin", "198.51.100.7", 30);
  const auto found = Evaluate(Killed("db"));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].session, root.id);
  EXPECT_EQ(found[0].severity, model::Severity::kHigh);
  EXPECT_EQ(found[0].evidence.at("other_open_sessions"), "1");
}

TEST_F(SuspicionTest, SessionOnAnIncident_IsSuspectedFirst) {
  const model::Session ann = story_.Login("gw", "ann", "192.0.2.9", 10);
  story_.Detect("gw", ann, "brute-force", model::Severity::kHigh, 11);
  story_.Login("gw", "admin", "198.51.100.7", 30);
  const auto found = Evaluate(Killed("gw"));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].session, ann.id);
}

TEST_F(SuspicionTest, GoodbyeCausedByAProcess_IsTiedToItsSession) {
  const model::Session ann = story_.Login("gw", "ann", "192.0.2.9", 10);
  story_.Login("gw", "admin", "198.51.100.7", 30);
  const auto found =
      Evaluate({model::StopCause::kProcess, "signal 15 from bash (process 7, uid 0)", ann.id});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].session, ann.id);
  EXPECT_EQ(found[0].severity, model::Severity::kHigh);
  EXPECT_EQ(found[0].summary,
            "from the login of ann@gw, the agent was asked to end: signal 15 from bash (process 7, "
            "uid 0)");
  EXPECT_EQ(found[0].evidence.at("kind"), "goodbye");
  EXPECT_EQ(found[0].evidence.at("other_open_sessions"), "1");
  options_.rules.mutable_blinding()->set_disabled(true);
  EXPECT_TRUE(Evaluate({model::StopCause::kProcess, "", ann.id}).empty());
}

TEST_F(SuspicionTest, GoodbyeByTheServiceManager_IsADetectionOnlyIfALoginCausedIt) {
  const model::Session ann = story_.Login("gw", "ann", "192.0.2.9", 10);
  EXPECT_TRUE(Evaluate({model::StopCause::kServiceManager, "", {}}).empty());
  EXPECT_TRUE(Evaluate({model::StopCause::kReplacement, "", {}}).empty());
  // A login made the service manager stop the agent.
  const auto found = Evaluate(
      {model::StopCause::kServiceManager, "after \"systemctl stop hoptrail-agent\"", ann.id});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].session, ann.id);
  EXPECT_EQ(found[0].severity, model::Severity::kMedium);
}

TEST_F(SuspicionTest, GoodbyeWithoutAKnownSession_IsTiedToAnOpenLogin) {
  const model::Goodbye goodbye{model::StopCause::kProcess, "signal 15 from process 7 of uid 0", {}};
  EXPECT_TRUE(Evaluate(goodbye).empty()) << "nobody is there";
  const model::Session ann = story_.Login("gw", "ann", "192.0.2.9", 10);
  const model::Session bob = story_.Login("db", "bob", "192.0.2.9", 20);
  auto found = Evaluate(goodbye);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].session, ann.id);
  EXPECT_EQ(found[0].summary,
            "while ann@gw was logged in: the agent was asked to end: signal 15 from process 7 of "
            "uid 0");
  // The goodbye names a session of another host, or one that no host has reported.
  found = Evaluate({model::StopCause::kProcess, "", bob.id});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].session, ann.id);
  model::SessionId unknown;
  unknown.bytes[0] = 99;
  found = Evaluate({model::StopCause::kUnknown, "", unknown});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].session, ann.id);
  EXPECT_EQ(found[0].severity, model::Severity::kMedium);
}

TEST_F(SuspicionTest, KernelSideLoss_IsADetectionUnlessTheRuleIsDisabled) {
  story_.Login("gw", "ann", "192.0.2.9", 10);
  const model::Loss loss{Story::Host("gw"), "ring/high", "tcp", 0, 3, 1, 2};
  ASSERT_EQ(Evaluate(loss).size(), 1u);
  EXPECT_EQ(Evaluate(loss)[0].severity, model::Severity::kMedium);
  options_.rules.mutable_blinding()->set_disabled(true);
  EXPECT_TRUE(Evaluate(loss).empty());
  EXPECT_TRUE(Evaluate(Killed("gw")).empty());
}

}  // namespace
}  // namespace hoptrail::collector::engine
