#include "agent/detect/pivot.h"

#include <gtest/gtest.h>

namespace hoptrail::agent::detect {
namespace {

model::Endpoint At(absl::string_view address, uint16_t port) {
  return {*model::ParseIpAddress(address), port};
}

class PivotTest : public testing::Test {
 protected:
  PivotTest() {
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
  }

  model::Session session_;
  model::HopEnd hop_;
  PivotRule rule_{PivotOptions()};
};

TEST_F(PivotTest, FiresOnceForADestination) {
  const auto detection = rule_.OnHopEnd(hop_, session_, true, nullptr);
  ASSERT_TRUE(detection.has_value());
  EXPECT_EQ(detection->rule, "pivot");
  EXPECT_EQ(detection->severity, model::Severity::kLow);
  EXPECT_EQ(detection->session, session_.id);
  EXPECT_EQ(detection->evidence.at("destination"), "192.0.2.2:22");
  EXPECT_EQ(detection->evidence.at("program"), "/usr/bin/ssh");
  EXPECT_EQ(detection->evidence.at("origin"), "192.0.2.9:4000");
  EXPECT_FALSE(rule_.OnHopEnd(hop_, session_, true, nullptr).has_value());
  hop_.flow.server = At("192.0.2.3", 22);
  EXPECT_TRUE(rule_.OnHopEnd(hop_, session_, true, nullptr).has_value());
}

TEST_F(PivotTest, DoesNotFireForOtherThings) {
  EXPECT_FALSE(rule_.OnHopEnd(hop_, session_, false, nullptr).has_value());  // a service
  model::HopEnd hop = hop_;
  hop.side = model::HopSide::kServer;
  EXPECT_FALSE(rule_.OnHopEnd(hop, session_, true, nullptr).has_value());
  hop = hop_;
  hop.flow.server.port = 443;
  EXPECT_FALSE(rule_.OnHopEnd(hop, session_, true, nullptr).has_value());
  hop = hop_;
  hop.flow.server = At("127.0.0.1", 22);
  EXPECT_FALSE(rule_.OnHopEnd(hop, session_, true, nullptr).has_value());
  hop = hop_;
  hop.flow.server.address = hop.flow.client.address;  // itself, by its own address
  EXPECT_FALSE(rule_.OnHopEnd(hop, session_, true, nullptr).has_value());
  PivotRule off({.disabled = true});
  EXPECT_FALSE(off.OnHopEnd(hop_, session_, true, nullptr).has_value());
}

TEST_F(PivotTest, IsGraverDownAPath) {
  model::Provenance provenance;
  provenance.session = session_.id;
  provenance.depth = 1;
  provenance.path = {"staff@gw", "deploy@web"};
  const auto detection = rule_.OnHopEnd(hop_, session_, true, &provenance);
  ASSERT_TRUE(detection.has_value());
  EXPECT_EQ(detection->severity, model::Severity::kMedium);
  EXPECT_EQ(detection->evidence.at("path"), "staff@gw → deploy@web");
}

TEST_F(PivotTest, ProvenanceThatComesLateIsToldAgainUnderTheSameName) {
  const auto first = rule_.OnHopEnd(hop_, session_, true, nullptr);
  ASSERT_TRUE(first.has_value());
  model::Provenance provenance;
  provenance.session = session_.id;
  provenance.depth = 2;
  const auto again = rule_.OnProvenance(provenance);
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].id, first->id);
  EXPECT_EQ(again[0].severity, model::Severity::kMedium);
  EXPECT_TRUE(rule_.OnProvenance(provenance).empty());  // nothing new
}

}  // namespace
}  // namespace hoptrail::agent::detect
