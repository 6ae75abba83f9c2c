#include <optional>

#include <gtest/gtest.h>

#include "collector/engine/values/path_for_test.h"
#include "collector/rules/registry.h"

namespace hoptrail::collector::rules {
namespace {

using engine::MakePath;
using engine::OriginHost;
using engine::OriginReason;
using engine::PathView;

// A login on db from web's address.
PathView RootFromWeb(OriginReason reason) {
  PathView path = MakePath({{"deploy", "db"}});
  path[0].origin = "10.0.3.2";
  path[0].authenticated = true;
  OriginHost web{.host_name = "web", .address = "10.0.3.2", .reason = reason};
  web.host.machine.bytes[0] = 9;
  if (reason == OriginReason::kAgentDown) web.since_wall_ns = 1'700'000'000'000'000'000;
  path[0].origin_hosts = {web};
  return path;
}

std::optional<model::Detection> EvaluateBlind(const PathView& path) {
  return MakeFleetRule("blind-hop", {})->OnSession({path});
}

TEST(BlindHopRuleTest, Fires_WhenTheOriginHostReportedNoSuchConnection) {
  const PathView path = RootFromWeb(OriginReason::kConnectionNotReported);
  const auto detection = EvaluateBlind(path);
  ASSERT_TRUE(detection.has_value());
  EXPECT_EQ(detection->session, path[0].session);
  EXPECT_EQ(detection->severity, model::Severity::kHigh);
  EXPECT_EQ(detection->summary,
            "deploy@db came from web (10.0.3.2): its agent reported no such connection");
  EXPECT_EQ(detection->evidence.at("origin_host"), "web");
}

TEST(BlindHopRuleTest, Fires_BySeverityOfWhatIsMissing) {
  const auto down = EvaluateBlind(RootFromWeb(OriginReason::kAgentDown));
  ASSERT_TRUE(down.has_value());
  EXPECT_EQ(down->severity, model::Severity::kMedium);
  EXPECT_EQ(down->evidence.at("missing"), "its agent has been down since 2023-11-14T22:13:20Z");
  EXPECT_EQ(EvaluateBlind(RootFromWeb(OriginReason::kRawSocket))->severity, model::Severity::kHigh);
  EXPECT_EQ(EvaluateBlind(RootFromWeb(OriginReason::kAddressMoved))->severity,
            model::Severity::kLow);
  PathView service = RootFromWeb(OriginReason::kConnectionNotReported);
  service[0].authenticated = false;
  EXPECT_EQ(EvaluateBlind(service)->severity, model::Severity::kLow) << "no login";
}

TEST(BlindHopRuleTest, StaysSilent_WhereTheFleetCouldNotHaveSeenIt) {
  for (const OriginReason reason :
       {OriginReason::kAgentCameLater, OriginReason::kSameHost, OriginReason::kNoAgent}) {
    EXPECT_FALSE(EvaluateBlind(RootFromWeb(reason)).has_value()) << static_cast<int>(reason);
  }
}

TEST(BlindHopRuleTest, StaysSilent_WhenSeveralHostsHaveTheAddress) {
  PathView path = RootFromWeb(OriginReason::kConnectionNotReported);
  path[0].origin_hosts.push_back(path[0].origin_hosts[0]);
  EXPECT_FALSE(EvaluateBlind(path).has_value());
}

TEST(BlindHopRuleTest, Fires_WhereAHostWithoutAgentIsDrawnBetween) {
  PathView path =
      MakePath({{"deploy", "web"}, {"unseen", "10.0.3.2 (unmonitored)"}, {"root", "db"}});
  path[2].authenticated = true;
  path[2].origin_hosts = RootFromWeb(OriginReason::kAgentDown)[0].origin_hosts;
  ASSERT_TRUE(EvaluateBlind(path).has_value());
  EXPECT_EQ(EvaluateBlind(path)->session, path[2].session);
}

TEST(BlindHopRuleTest, StaysSilent_WithoutAnOriginHost) {
  EXPECT_FALSE(EvaluateBlind(MakePath({{"deploy", "db"}})).has_value());
}

}  // namespace
}  // namespace hoptrail::collector::rules
