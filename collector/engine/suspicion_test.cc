// Which session the engine ties an agent's trouble to.

#include "collector/engine/suspicion.h"

#include <type_traits>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/engine.h"
#include "collector/engine/story_for_test.h"

namespace hoptrail::collector::engine {
namespace {

using testing::HasSubstr;
using testing::Not;

class SuspicionTest : public testing::Test {
 protected:
  SuspicionTest() {
    options_.clock = &clock_;
    story_.AddHost("gw");
    story_.AddHost("db");
  }

  model::Interference Killed(const std::string& host, int second = 60) {
    return {Story::Host(host), model::InterferenceKind::kEnded, "the worker was killed",
            story_.Wall(host, second)};
  }
  // The detections of `blinding` that `last` adds to the facts reported so far.
  std::vector<model::Detection> Evaluate(const model::Fact& last) {
    return Evaluate([&](Engine& engine, Outcome* outcome) { engine.Apply(last, outcome); });
  }
  // The same for trouble of the agent of gw.
  std::vector<model::Detection> EvaluateTrouble(const AgentTroubleKind& what) {
    return Evaluate([&](Engine& engine, Outcome* outcome) {
      engine.NoteTrouble(Story::Host("gw"), what, outcome);
    });
  }
  std::vector<model::Detection> Evaluate(const model::Goodbye& goodbye) {
    return EvaluateTrouble(goodbye);
  }
  std::vector<model::Detection> Evaluate(const AgentSilence& silence) {
    return EvaluateTrouble(silence);
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

TEST_F(SuspicionTest, OpenLogin_IsSuspected) {
  const model::Session ann = story_.Login("gw", "ann", "192.0.2.9", 10);
  const auto found = Evaluate(Killed("gw"));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].session, ann.id);
  EXPECT_EQ(found[0].evidence.at("logged_in"), "ann@gw");
}

TEST_F(SuspicionTest, HostWithoutSessions_HasADetectionOnAStandIn) {
  const auto found = Evaluate(Killed("gw"));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].session, StandInFor(Story::Host("gw"), 0).id);
  EXPECT_EQ(found[0].severity, model::Severity::kHigh);
  EXPECT_EQ(found[0].summary, "nobody was logged in on gw: the worker was killed");
  EXPECT_EQ(found[0].evidence.count("suspect"), 0u);
}

TEST_F(SuspicionTest, NobodySuspected_IsTiedToTheAgentItself) {
  story_.Report("gw", story_.MakeSession("gw", "root", 1, model::EntryKind::kService));
  model::Session agent = story_.MakeSession("gw", "root", 5, model::EntryKind::kService);
  agent.program = "/usr/bin/hoptrail-agent";
  story_.Report("gw", agent);
  story_.Report("gw", story_.MakeSession("gw", "root", 9, model::EntryKind::kCron));
  model::Session connection = story_.MakeSession("gw", "", 6);
  connection.logged_in = false;
  story_.Report("gw", connection);
  const auto found = Evaluate(Killed("gw"));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].session, agent.id);
  EXPECT_EQ(found[0].evidence.count("suspect"), 0u);
}

TEST_F(SuspicionTest, LoginThatEndedLately_IsSuspected) {
  model::Session ann = story_.Login("gw", "ann", "192.0.2.9", 10);
  ann.closed_wall_ns = story_.Wall("gw", 20);
  story_.Report("gw", ann);
  auto found = Evaluate(Killed("gw", 30));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].session, ann.id);
  EXPECT_THAT(found[0].summary, HasSubstr("nobody was logged in, and ann@gw came from elsewhere"));
  EXPECT_THAT(found[0].evidence.at("last_hops_in"), HasSubstr("from 192.0.2.9 into ann@gw"));
  found = Evaluate(Killed("gw", 3600));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NE(found[0].session, ann.id) << "long gone";
}

TEST_F(SuspicionTest, ServiceThatAcceptedAConnectionLately_IsSuspected) {
  const model::Session idle = story_.MakeSession("gw", "root", 1, model::EntryKind::kService);
  const model::Session web = story_.MakeSession("gw", "www", 2, model::EntryKind::kService);
  story_.Report("gw", idle);
  story_.Report("gw", web);
  model::HopEnd end = story_.End("gw", model::HopSide::kServer, story_.NextKey(),
                                 {{Address("10.0.3.2"), 50002}, {Address("10.0.3.3"), 80}}, 100);
  end.session = web.id;
  story_.Report("gw", end);
  auto found = Evaluate(Killed("gw", 130));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].session, web.id);
  EXPECT_THAT(found[0].summary, HasSubstr("had accepted a connection"));
  EXPECT_THAT(found[0].evidence.at("last_hops_in"), HasSubstr("from a host without an agent"));
  found = Evaluate(Killed("gw", 3600));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].session, idle.id) << "the host's first service, which is not suspected";
  EXPECT_EQ(found[0].evidence.count("suspect"), 0u);
}

TEST_F(SuspicionTest, SilenceWhileNobodyIsLoggedIn_IsMediumOnlyIfSomethingPreceded) {
  const model::Session job = story_.MakeSession("gw", "root", 5, model::EntryKind::kCron);
  story_.Report("gw", job);
  const auto silence = [&](int second) {
    return Evaluate(AgentSilence{.detail = "silent", .wall_ns = story_.Wall("gw", second)});
  };
  ASSERT_EQ(silence(30).size(), 1u);
  EXPECT_EQ(silence(30)[0].severity, model::Severity::kLow);
  story_.Detect("gw", job, "fileless", model::Severity::kLow, 20);
  ASSERT_EQ(silence(30).size(), 1u);
  EXPECT_EQ(silence(30)[0].severity, model::Severity::kMedium);
  EXPECT_THAT(silence(30)[0].evidence.at("last_detections"), HasSubstr("fileless (low) of"));
  EXPECT_EQ(silence(2 * 3600)[0].severity, model::Severity::kLow) << "long ago";
}

TEST_F(SuspicionTest, ManyEventsBefore_EvidenceHasTheLastFew) {
  for (int i = 0; i < 50; ++i) {
    model::Session each = story_.Login("gw", absl::StrCat("user", i), "192.0.2.9", 10 + i);
    each.closed_wall_ns = story_.Wall("gw", 11 + i);
    story_.Report("gw", each);
  }
  const auto found = Evaluate(Killed("gw", 100));
  ASSERT_EQ(found.size(), 1u);
  for (const char* name : {"last_hops_in", "last_sessions"}) {
    EXPECT_THAT(found[0].evidence.at(name), HasSubstr("user49@gw"));
    EXPECT_THAT(found[0].evidence.at(name), HasSubstr("user47@gw"));
    EXPECT_THAT(found[0].evidence.at(name), Not(HasSubstr("user46@gw")));
  }
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
  ASSERT_EQ(Evaluate(goodbye).size(), 1u);
  EXPECT_EQ(Evaluate(goodbye)[0].severity, model::Severity::kMedium) << "nobody is there";
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

TEST_F(SuspicionTest, KernelSideLossWhileNobodyIsLoggedIn_IsNoDetection) {
  EXPECT_TRUE(Evaluate(model::Loss{Story::Host("gw"), "ring/high", "tcp", 0, 3, 1, 2}).empty());
}

TEST_F(SuspicionTest, SpoolThatIsGone_IsADetectionEvenIfNobodyIsLoggedIn) {
  const auto found = Evaluate(model::Loss{Story::Host("gw"), "spool", "removed", 0, 1, 1, 2});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].severity, model::Severity::kMedium);
}

TEST_F(SuspicionTest, GoodbyeCausedByAService_IsTiedToItAndSaysSo) {
  const model::Session web = story_.MakeSession("gw", "www", 1, model::EntryKind::kService);
  story_.Report("gw", web);
  auto found = Evaluate(model::Goodbye{model::StopCause::kProcess, "signal 15 from sh", web.id});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].session, web.id);
  EXPECT_EQ(found[0].severity, model::Severity::kHigh);
  EXPECT_EQ(found[0].title, "A process of a service or job ended the sensor");
  found =
      Evaluate(model::Goodbye{model::StopCause::kServiceManager, "after \"systemctl\"", web.id});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].severity, model::Severity::kLow) << "configuration management does so";
}

TEST_F(SuspicionTest, GoodbyeCausedByAPackageManager_IsLowAlsoInALogin) {
  const model::Session ann = story_.Login("gw", "ann", "192.0.2.9", 10);
  const auto found = Evaluate(
      model::Goodbye{model::StopCause::kPackageManager, "after \"systemctl\" of dpkg", ann.id});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].session, ann.id);
  EXPECT_EQ(found[0].severity, model::Severity::kLow);
}

}  // namespace
}  // namespace hoptrail::collector::engine
