// Whom the engine ties an agent's trouble to.

#include <type_traits>

#include <gtest/gtest.h>

#include "collector/engine/engine.h"
#include "collector/engine/story_for_test.h"

namespace hoptrail::collector::engine {
namespace {

class BlindingTest : public testing::Test {
 protected:
  BlindingTest() {
    options_.clock = &clock_;
    story_.AddHost("gw");
    story_.AddHost("db");
  }

  model::Interference Killed(const std::string& host) {
    return {Story::Host(host), model::InterferenceKind::kEnded, "the worker was killed", 5};
  }
  // What of the rule comes of everything told so far and then `last`.
  std::vector<model::Detection> Judge(const model::Fact& last) {
    return Judge([&](Engine& engine, Outcome* outcome) { engine.Apply(last, outcome); });
  }
  // The same where the agent of gw ends.
  std::vector<model::Detection> Judge(const model::Goodbye& goodbye) {
    return Judge([&](Engine& engine, Outcome* outcome) {
      engine.Apply(Story::Host("gw"), goodbye, outcome);
    });
  }
  template <typename Last>
  requires std::is_invocable_v<Last, Engine&, Outcome*> std::vector<model::Detection> Judge(
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

TEST_F(BlindingTest, NobodyIsThereNothingIsSaid) {
  EXPECT_TRUE(Judge(Killed("gw")).empty());
  model::Session ann = story_.Login("gw", "ann", "192.0.2.9", 10);
  EXPECT_EQ(Judge(Killed("gw")).size(), 1u);
  EXPECT_TRUE(Judge(Killed("db")).empty()) << "another host";
  ann.closed_wall_ns = story_.Wall("gw", 20);
  story_.Tell("gw", ann);
  EXPECT_TRUE(Judge(Killed("gw")).empty()) << "she has gone";
}

TEST_F(BlindingTest, ServicesAndKnocksAreNobody) {
  story_.Tell("gw", story_.MakeSession("gw", "root", 5, model::EntryKind::kService));
  model::Session knock = story_.MakeSession("gw", "", 6);
  knock.logged_in = false;
  story_.Tell("gw", knock);
  EXPECT_TRUE(Judge(Killed("gw")).empty());
}

TEST_F(BlindingTest, WhoCameOverAHopIsSuspectedBeforeWhoCameLast) {
  const model::Session ann = story_.Login("gw", "ann", "192.0.2.9", 10);
  const model::Flow flow{{Address("10.0.3.2"), 50002}, {Address("10.0.3.3"), 22}};
  const model::Session root = story_.Hop(ann, "gw", "db", "root", 20, flow, flow);
  const model::Session admin = story_.Login("db", "admin", "198.51.100.7", 30);
  const auto found = Judge(Killed("db"));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].session, root.id);
  EXPECT_EQ(found[0].severity, model::Severity::kHigh);
  EXPECT_EQ(found[0].evidence.at("other_open_sessions"), "1");
}

TEST_F(BlindingTest, WhoIsOnAnIncidentIsSuspectedFirst) {
  const model::Session ann = story_.Login("gw", "ann", "192.0.2.9", 10);
  story_.Detect("gw", ann, "brute-force", model::Severity::kHigh, 11);
  story_.Login("gw", "admin", "198.51.100.7", 30);
  const auto found = Judge(Killed("gw"));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].session, ann.id);
}

TEST_F(BlindingTest, AGoodbyeThatAProcessAskedForIsTiedToItsSession) {
  const model::Session ann = story_.Login("gw", "ann", "192.0.2.9", 10);
  story_.Login("gw", "admin", "198.51.100.7", 30);
  const auto found =
      Judge({model::StopCause::kProcess, "signal 15 from bash (process 7, uid 0)", ann.id});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].session, ann.id);
  EXPECT_EQ(found[0].severity, model::Severity::kHigh);
  EXPECT_EQ(found[0].summary,
            "from the login of ann@gw, the agent was asked to end: signal 15 from bash (process 7, "
            "uid 0)");
  EXPECT_EQ(found[0].evidence.at("kind"), "goodbye");
  EXPECT_EQ(found[0].evidence.at("other_open_sessions"), "1");
  options_.rules.mutable_blinding()->set_disabled(true);
  EXPECT_TRUE(Judge({model::StopCause::kProcess, "", ann.id}).empty());
}

TEST_F(BlindingTest, AGoodbyeOfTheServiceManagerIsNone) {
  const model::Session ann = story_.Login("gw", "ann", "192.0.2.9", 10);
  EXPECT_TRUE(Judge({model::StopCause::kServiceManager, "", {}}).empty());
  EXPECT_TRUE(Judge({model::StopCause::kReplacement, "", {}}).empty());
  // But where a login made it do so.
  const auto found =
      Judge({model::StopCause::kServiceManager, "after \"systemctl stop hoptrail-agent\"", ann.id});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].session, ann.id);
  EXPECT_EQ(found[0].severity, model::Severity::kMedium);
}

TEST_F(BlindingTest, AGoodbyeOfNobodyKnownIsTiedToWhoIsLoggedIn) {
  const model::Goodbye goodbye{model::StopCause::kProcess, "signal 15 from process 7 of uid 0", {}};
  EXPECT_TRUE(Judge(goodbye).empty()) << "nobody is there";
  const model::Session ann = story_.Login("gw", "ann", "192.0.2.9", 10);
  const model::Session bob = story_.Login("db", "bob", "192.0.2.9", 20);
  auto found = Judge(goodbye);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].session, ann.id);
  EXPECT_EQ(found[0].summary,
            "while ann@gw was logged in: the agent was asked to end: signal 15 from process 7 of "
            "uid 0");
  // A session of another host, or one that nobody told of, is no word against anybody.
  found = Judge({model::StopCause::kProcess, "", bob.id});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].session, ann.id);
  model::SessionId unknown;
  unknown.bytes[0] = 99;
  found = Judge({model::StopCause::kUnknown, "", unknown});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].session, ann.id);
  EXPECT_EQ(found[0].severity, model::Severity::kMedium);
}

TEST_F(BlindingTest, LossesOfTheKernelSide) {
  story_.Login("gw", "ann", "192.0.2.9", 10);
  const model::Loss loss{Story::Host("gw"), "ring/high", "tcp", 0, 3, 1, 2};
  ASSERT_EQ(Judge(loss).size(), 1u);
  EXPECT_EQ(Judge(loss)[0].severity, model::Severity::kMedium);
  options_.rules.mutable_blinding()->set_disabled(true);
  EXPECT_TRUE(Judge(loss).empty());
  EXPECT_TRUE(Judge(Killed("gw")).empty());
}

}  // namespace
}  // namespace hoptrail::collector::engine
