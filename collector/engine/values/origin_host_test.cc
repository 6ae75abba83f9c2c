#include "collector/engine/values/origin_host.h"

#include <gtest/gtest.h>

namespace hoptrail::collector::engine {
namespace {

constexpr int64_t kOpened = 1'700'000'000'000'000'000;
constexpr int64_t kMinute = int64_t{60} * 1'000'000'000;

// A machine that had the address and a running agent all the time.
OriginEvidence Usual() {
  return {.opened_wall_ns = kOpened,
          .address_first_wall_ns = kOpened - 60 * kMinute,
          .address_last_wall_ns = kOpened + 1,
          .has_address = true,
          .agent_up = true,
          .agent_last_seen_wall_ns = kOpened + 60 * kMinute,
          .agent_started_wall_ns = kOpened - 60 * kMinute};
}

OriginHost Explained(const OriginEvidence& evidence) {
  OriginHost origin{.host_name = "web"};
  Explain(evidence, &origin);
  return origin;
}

TEST(OriginHostTest, RunningAgent_DidNotReportTheConnection) {
  OriginEvidence evidence = Usual();
  EXPECT_EQ(Explained(evidence).reason, OriginReason::kConnectionNotReported);
  evidence.raw_program = "/opt/stack";
  EXPECT_EQ(Explained(evidence).reason, OriginReason::kRawSocket);
  EXPECT_EQ(MissingWords(Explained(evidence)),
            "its agent reported no such connection, but stack sent by a raw socket");
}

TEST(OriginHostTest, AgentThatIsDown_IsDownSinceItWasSeenLast) {
  OriginEvidence evidence = Usual();
  evidence.agent_up = false;
  EXPECT_EQ(Explained(evidence).reason, OriginReason::kConnectionNotReported)
      << "it was up at that time";
  evidence.agent_last_seen_wall_ns = kOpened - kMinute;
  const OriginHost origin = Explained(evidence);
  EXPECT_EQ(origin.reason, OriginReason::kAgentDown);
  EXPECT_EQ(origin.since_wall_ns, kOpened - kMinute);
  EXPECT_EQ(MissingWords(origin), "its agent has been down since 2023-11-14T22:12:20Z");
}

TEST(OriginHostTest, AgentThatStartedLater_WasDownUntilThen) {
  OriginEvidence evidence = Usual();
  evidence.agent_started_wall_ns = kOpened + kMinute;
  const OriginHost origin = Explained(evidence);
  EXPECT_EQ(origin.reason, OriginReason::kAgentDown);
  EXPECT_EQ(MissingWords(origin), "its agent was down until 2023-11-14T22:14:20Z");
}

TEST(OriginHostTest, AddressReportedOnlyLater_IsOfAnAgentThatCameLater) {
  OriginEvidence evidence = Usual();
  evidence.address_first_wall_ns = kOpened + kMinute / 60;
  evidence.agent_started_wall_ns = kOpened + kMinute / 60;
  EXPECT_EQ(Explained(evidence).reason, OriginReason::kAgentCameLater);
}

TEST(OriginHostTest, AddressThatTheHostHadBefore_HasMoved) {
  OriginEvidence evidence = Usual();
  evidence.has_address = false;
  EXPECT_EQ(Explained(evidence).reason, OriginReason::kConnectionNotReported)
      << "it had the address at that time";
  evidence.address_last_wall_ns = kOpened - 10 * kMinute;
  const OriginHost origin = Explained(evidence);
  EXPECT_EQ(origin.reason, OriginReason::kAddressMoved);
  EXPECT_EQ(origin.since_wall_ns, kOpened - 10 * kMinute);
}

}  // namespace
}  // namespace hoptrail::collector::engine
