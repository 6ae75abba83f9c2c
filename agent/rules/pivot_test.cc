#include "absl/strings/string_view.h"
#include <gtest/gtest.h>

#include "agent/rules/rule_fixture.h"

namespace hoptrail::agent::rules {
namespace {

using session::Activity;

model::Endpoint At(absl::string_view address, uint16_t port) {
  return {*model::ParseIpAddress(address), port};
}

class PivotRuleTest : public RuleTest {
 protected:
  PivotRuleTest() {
    session_.id.bytes[0] = 1;
    session_.kind = model::EntryKind::kRemote;
    session_.logged_in = true;
    session_.user = "staff";
    session_.entry = model::Entry{{1, 2}, {At("192.0.2.9", 4000), At("192.0.2.1", 22)}, 5};
    hop_.side = model::HopSide::kClient;
    hop_.session = session_.id;
    hop_.program = "/usr/bin/ssh";
    hop_.user = "staff";
    hop_.flow = {At("192.0.2.1", 5000), At("192.0.2.2", 22)};
    hop_.established_wall_ns = 7;
    provenance_.session = session_.id;
    provenance_.path = {"staff@gw", "deploy@web"};
  }

  std::optional<model::Detection> See(const model::HopEnd& hop,
                                      const model::Provenance* provenance = nullptr) {
    return Feed(
        *rule_,
        {.kind = Activity::kHopEnd, .session = &session_, .provenance = provenance, .hop = &hop});
  }
  std::optional<model::Detection> SeeProvenance(uint32_t depth) {
    provenance_.depth = depth;
    return Feed(
        *rule_,
        {.kind = Activity::kProvenanceKnown, .session = &session_, .provenance = &provenance_});
  }

  model::Session session_;
  model::HopEnd hop_;
  model::Provenance provenance_;
  std::unique_ptr<HostRule> rule_ = MakeHostRule("pivot", {});
};

TEST_F(PivotRuleTest, Fires_OnceForADestination) {
  const auto detection = See(hop_);
  ASSERT_TRUE(detection.has_value());
  EXPECT_EQ(detection->rule, "pivot");
  EXPECT_EQ(detection->severity, model::Severity::kLow);
  EXPECT_EQ(detection->session, session_.id);
  EXPECT_EQ(detection->evidence.at("destination"), "192.0.2.2:22");
  EXPECT_EQ(detection->evidence.at("program"), "/usr/bin/ssh");
  EXPECT_EQ(detection->evidence.at("origin"), "192.0.2.9:4000");
  EXPECT_FALSE(See(hop_).has_value());
  hop_.flow.server = At("192.0.2.3", 22);
  EXPECT_TRUE(See(hop_).has_value());
}

TEST_F(PivotRuleTest, Fires_ForASessionThatARemoteOneCaused) {
  session_.kind = model::EntryKind::kCron;
  session_.logged_in = false;
  EXPECT_FALSE(See(hop_).has_value());
  context_.from_remote = true;
  EXPECT_TRUE(See(hop_).has_value());
}

TEST_F(PivotRuleTest, StaysSilent_ForOtherConnections) {
  model::HopEnd hop = hop_;
  hop.side = model::HopSide::kServer;
  EXPECT_FALSE(See(hop).has_value());
  hop = hop_;
  hop.flow.server.port = 443;
  EXPECT_FALSE(See(hop).has_value());
  hop = hop_;
  hop.flow.server = At("127.0.0.1", 22);
  EXPECT_FALSE(See(hop).has_value());
  hop = hop_;
  hop.flow.server.address = hop.flow.client.address;  // this host, by its own address
  EXPECT_FALSE(See(hop).has_value());
  session_.kind = model::EntryKind::kService;
  EXPECT_FALSE(See(hop_).has_value());
}

TEST_F(PivotRuleTest, StaysSilent_ForPortsThatAreNotConfigured) {
  RuleOptions options;
  options.config.mutable_pivot()->add_ports(2222);
  rule_ = MakeHostRule("pivot", options);
  EXPECT_FALSE(See(hop_).has_value());
  hop_.flow.server.port = 2222;
  EXPECT_TRUE(See(hop_).has_value());
}

TEST_F(PivotRuleTest, Fires_MediumInASessionThatAHopOpened) {
  provenance_.depth = 1;
  const auto detection = See(hop_, &provenance_);
  ASSERT_TRUE(detection.has_value());
  EXPECT_EQ(detection->severity, model::Severity::kMedium);
  EXPECT_EQ(detection->evidence.at("path"), "staff@gw → deploy@web");
}

TEST_F(PivotRuleTest, Fires_AgainUnderTheSameIdWhenProvenanceComesLate) {
  const auto first = See(hop_);
  ASSERT_TRUE(first.has_value());
  const auto again = SeeProvenance(2);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->id, first->id);
  EXPECT_EQ(again->severity, model::Severity::kMedium);
  EXPECT_FALSE(SeeProvenance(2).has_value()) << "nothing new";
}

TEST_F(PivotRuleTest, Fires_AgainForASessionForgottenAmongTooMany) {
  ASSERT_TRUE(See(hop_).has_value());
  const model::SessionId first = session_.id;
  for (uint32_t i = 0; i < 1024; ++i) {
    session_.id.bytes[1] = static_cast<uint8_t>(i);
    session_.id.bytes[2] = static_cast<uint8_t>(1 + i / 256);
    ASSERT_TRUE(See(hop_).has_value());
  }
  session_.id = first;
  EXPECT_TRUE(See(hop_).has_value()) << "the number of sessions is bounded";
}

}  // namespace
}  // namespace hoptrail::agent::rules
