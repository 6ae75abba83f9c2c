// Logins from addresses of the fleet whose connecting half is missing, through the whole engine.

#include <optional>
#include <set>
#include <string>
#include <utility>

#include <gmock/gmock.h>

#include "collector/engine/engine_fixture.h"
#include "collector/engine/origin_wait.h"

namespace hoptrail::collector::engine {
namespace {

constexpr char kRule[] = "blind-hop";

class OriginTest : public EngineTest {
 protected:
  OriginTest() {
    story_.AddHost("web", 0, {"10.0.3.2"});
    story_.AddHost("db", 0, {"10.0.3.3", "172.17.0.1"});
  }

  // A login on db from `from`, and no client's end.
  model::Session Enter(const std::string& from) {
    const model::Flow flow{{Address(from), 50001}, {Address("10.0.3.3"), 22}};
    model::Session session = story_.MakeSession("db", "deploy", 10);
    key_ = story_.NextKey();
    session.entry = model::Entry{key_, flow, Story::Boot("db", 10)};
    session.authentication.user = "deploy";
    session.authentication.method = model::AuthMethod::kPublicKey;
    model::HopEnd server = story_.End("db", model::HopSide::kServer, key_, flow, 10);
    server.session = session.id;
    server.opened_session = true;
    story_.Report("db", server);
    story_.Report("db", session);
    flow_ = flow;
    return session;
  }
  void ReportClient(const std::string& host) {
    model::Session source = story_.MakeSession(host, "staff", 5, model::EntryKind::kConsole);
    story_.Report(host, source);
    model::HopEnd client = story_.End(host, model::HopSide::kClient, key_, flow_, 10);
    client.session = source.id;
    story_.Report(host, client);
  }
  // Runs the facts that have been added since the last call.
  void RunStory() {
    const auto& facts = story_.in_order();
    Run(&engine_, absl::MakeConstSpan(facts).subspan(done_), &store_);
    done_ = facts.size();
  }
  std::optional<model::Detection> Found() {
    for (const auto& [id, detection] : store_.detections) {
      if (detection.rule == kRule && !detection.evidence.contains("withdrawn")) return detection;
    }
    return std::nullopt;
  }

  // Whether it was ever detected, withdrawn or not.
  bool Reported() {
    for (const auto& [id, detection] : store_.detections) {
      if (detection.rule == kRule) return true;
    }
    return false;
  }

  void ExpectRestartChangesNothing(const AgentPresence& presence) {
    RunStory();
    engine_.SetAgent(Story::Host("web"), presence);
    Enter("10.0.3.2");
    RunStory();
    Tick(&engine_, OriginWait::kBehindNs + kSecond, &store_);
    ASSERT_TRUE(Found().has_value());
    StoredState saved = store_.Saved();
    saved.address_history = {
        {Story::Host("web"), Address("10.0.3.2"), kStoryStart, kStoryStart + kSecond}};
    Engine again(options_);
    again.SetAgent(Story::Host("web"), presence);
    again.Restore(std::move(saved));
    Outcome outcome;
    again.Tick(&outcome);
    EXPECT_TRUE(outcome.detections.empty()) << outcome.detections[0].summary;
  }

  Story story_;
  model::HopKey key_;
  model::Flow flow_;
  size_t done_ = 0;
  Store store_;
  Engine engine_{options_};
};

TEST_F(OriginTest, LoginFromAHostThatDidNotReportIt_IsDetectedAfterTheGracePeriod) {
  RunStory();
  const model::Session login = Enter("10.0.3.2");
  RunStory();
  Tick(&engine_, OriginWait::kGraceNs - kSecond, &store_);
  EXPECT_FALSE(Found().has_value()) << "the report may be on its way";
  Tick(&engine_, 2 * kSecond, &store_);
  ASSERT_TRUE(Found().has_value());
  EXPECT_EQ(Found()->session, login.id);
  EXPECT_EQ(Found()->severity, model::Severity::kHigh);
  EXPECT_EQ(Found()->evidence.at("origin_host"), "web");
  EXPECT_EQ(store_.Live().size(), 1u) << "it opens an incident";
}

TEST_F(OriginTest, HostWithTheAddress_IsAskedForItsEnd) {
  RunStory();
  Enter("10.0.3.2");
  RunStory();
  clock_.AdvanceNs(kSecond);
  Outcome outcome;
  engine_.Tick(&outcome);
  EXPECT_THAT(outcome.end_requests,
              testing::ElementsAre(EndRequest{Story::Host("web").machine, key_}));
}

TEST_F(OriginTest, ReportThatArrivesLater_WithdrawsTheDetection) {
  RunStory();
  Enter("10.0.3.2");
  RunStory();
  Tick(&engine_, OriginWait::kGraceNs + kSecond, &store_);
  ASSERT_TRUE(Found().has_value());
  ReportClient("web");
  RunStory();
  EXPECT_FALSE(Found().has_value());
}

TEST_F(OriginTest, ReportWithinTheGracePeriod_IsNoDetection) {
  RunStory();
  Enter("10.0.3.2");
  RunStory();
  Tick(&engine_, 5 * kSecond, &store_);
  ReportClient("web");
  RunStory();
  Tick(&engine_, 60 * kSecond, &store_);
  EXPECT_FALSE(Reported());
}

TEST_F(OriginTest, HostThatRestarts_IsWaitedForUntilItHasReported) {
  RunStory();
  Enter("10.0.3.2");
  RunStory();
  engine_.SetAgent(Story::Host("web"), {.up = false, .last_seen_wall_ns = story_.Wall("web", 11)});
  Tick(&engine_, 20 * kSecond, &store_);
  EXPECT_FALSE(Found().has_value()) << "its spool may have it";
  engine_.SetAgent(Story::Host("web"), {.up = true, .behind = true});
  Tick(&engine_, 5 * kSecond, &store_);
  EXPECT_FALSE(Found().has_value());
  ReportClient("web");
  RunStory();
  engine_.SetAgent(Story::Host("web"), {.up = true});
  Tick(&engine_, 60 * kSecond, &store_);
  EXPECT_FALSE(Reported());
}

TEST_F(OriginTest, AgentThatIsDown_IsDetectedWhenTheWaitIsOver) {
  RunStory();
  engine_.SetAgent(Story::Host("web"), {.up = false, .last_seen_wall_ns = story_.Wall("web", 1)});
  Enter("10.0.3.2");
  RunStory();
  Tick(&engine_, OriginWait::kGraceNs + kSecond, &store_);
  EXPECT_FALSE(Found().has_value());
  Tick(&engine_, OriginWait::kBehindNs, &store_);
  ASSERT_TRUE(Found().has_value());
  EXPECT_EQ(Found()->severity, model::Severity::kMedium);
  EXPECT_EQ(Found()->evidence.at("missing"), "its agent has been down since 2023-11-14T22:13:21Z");
}

TEST_F(OriginTest, AddressOfNoHostOrOfTheHostItself_IsNoDetection) {
  for (const char* address : {"192.0.2.9", "127.0.0.1", "172.17.0.1"}) {
    Enter(address);
    RunStory();
    Tick(&engine_, 60 * kSecond, &store_);
    EXPECT_TRUE(store_.detections.empty()) << address;
  }
}

TEST_F(OriginTest, HostThatGetsItsAgentLater_IsNoDetection) {
  RunStory();
  Enter("10.0.3.4");
  RunStory();
  Tick(&engine_, 600 * kSecond, &store_);
  story_.AddHost("jump", 0, {"10.0.3.4"});
  RunStory();
  model::HopEnd again = story_.End("db", model::HopSide::kServer, key_, flow_, 10);
  again.closed_wall_ns = story_.Wall("db", 700);
  story_.Report("db", again);
  RunStory();
  Tick(&engine_, 60 * kSecond, &store_);
  Tick(&engine_, 60 * kSecond, &store_);
  EXPECT_TRUE(store_.detections.empty());
}

TEST_F(OriginTest, AddressOfATranslation_IsNoDetection) {
  engine_.SetTranslations({*model::ParseIpPrefix("10.0.3.2/32")});
  Enter("10.0.3.2");
  RunStory();
  Tick(&engine_, 60 * kSecond, &store_);
  EXPECT_TRUE(store_.detections.empty());
}

TEST_F(OriginTest, RestartOfTheCollector_KeepsTheDetectionAsItIs) {
  ExpectRestartChangesNothing({.up = true});
}

TEST_F(OriginTest, RestartOfTheCollectorWhileTheAgentIsDown_KeepsTheDetectionAsItIs) {
  ExpectRestartChangesNothing({.up = false, .last_seen_wall_ns = story_.Wall("web", 1)});
}

}  // namespace
}  // namespace hoptrail::collector::engine
