#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gtest/gtest.h>

#include "collector/engine/values/path_for_test.h"
#include "collector/rules/registry.h"

namespace hoptrail::collector::rules {
namespace {

using engine::Arrival;
using engine::MakePath;
using engine::Step;

constexpr int64_t kSecond = 1'000'000'000;

Arrival At(int64_t second, uint8_t host) {
  Arrival arrival;
  arrival.wall_ns = second * kSecond;
  arrival.host.machine.bytes[0] = host;
  arrival.host_name = absl::StrCat("h", host);
  return arrival;
}

class SpreadRuleTest : public testing::Test {
 protected:
  SpreadRuleTest() { config_.mutable_spread()->set_hosts(3); }

  std::optional<model::Detection> Evaluate(std::vector<Arrival> arrivals) const {
    const std::unique_ptr<FleetRule> rule = MakeFleetRule("spread", config_);
    if (rule->ConcernWith({.depth = 1, .reached = arrivals.size()}) != Concern::kEvaluate) {
      return std::nullopt;
    }
    return rule->OnPath({.root = root_, .deepest = {root_}, .arrivals = std::move(arrivals)});
  }

  const Step root_ = MakePath({{"ann", "gw"}})[0];  // its machine is 1
  v1::FleetRulesConfig config_;
};

TEST_F(SpreadRuleTest, Fires_ForManyHostsWithinTheWindow) {
  const auto detection = Evaluate({At(30, 4), At(10, 2), At(20, 3), At(25, 3)});
  ASSERT_TRUE(detection.has_value());
  EXPECT_EQ(detection->session, root_.session);
  EXPECT_EQ(detection->severity, model::Severity::kHigh);
  EXPECT_EQ(detection->evidence.at("hosts"), "3");
  EXPECT_EQ(detection->evidence.at("host_names"), "h2, h3, h4");
  EXPECT_EQ(detection->evidence.at("seconds"), "20");
}

TEST_F(SpreadRuleTest, StaysSilent_ForFewHostsOrBeyondTheWindow) {
  EXPECT_FALSE(Evaluate({}).has_value());
  EXPECT_FALSE(Evaluate({At(1, 2), At(2, 2), At(3, 2), At(4, 3)}).has_value());
  EXPECT_FALSE(Evaluate({At(0, 2), At(500, 3), At(1000, 4), At(1500, 5)}).has_value());
  EXPECT_FALSE(Evaluate({At(0, 1), At(1, 2), At(2, 3)})
                   .has_value());  // the first arrival is on the root's host
}

TEST_F(SpreadRuleTest, PathWithTooManyArrivalsToCount_KeepsItsDetection) {
  EXPECT_EQ(MakeFleetRule("spread", config_)->ConcernWith({.depth = 1, .reached = 5000}),
            Concern::kKeep);
}

}  // namespace
}  // namespace hoptrail::collector::rules
