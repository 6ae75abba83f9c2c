#include "collector/engine/origin_search.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gtest/gtest.h>

#include "collector/engine/story_for_test.h"

namespace hoptrail::collector::engine {
namespace {

constexpr int64_t kOpened = kStoryStart + 3600 * kSecond;

class OriginSearchTest : public testing::Test {
 protected:
  void Report(const std::string& name, const std::vector<std::string>& addresses, int64_t wall_ns,
              int64_t started_wall_ns = kStoryStart) {
    model::AgentHealth health;
    health.host = Story::Host(name);
    health.started_wall_ns = started_wall_ns;
    for (const std::string& each : addresses) health.addresses.push_back(Address(each));
    names_.Set(health.host, name);
    search_.NoteHealth(health, wall_ns);
  }
  OriginSearch::Answer Find(const std::string& address) {
    return search_.Find(Address(address), Story::Host("db"), kOpened, names_);
  }

  HostNames names_;
  OriginSearch search_;
};

TEST_F(OriginSearchTest, AddressOfEarlier_IsStillOfItsHost) {
  Report("web", {"10.0.3.2"}, kStoryStart);
  Report("web", {"10.0.3.9"}, kStoryStart + kSecond);
  const auto answer = Find("10.0.3.2");
  ASSERT_EQ(answer.hosts.size(), 1u);
  EXPECT_EQ(answer.hosts[0].host, Story::Host("web"));
  EXPECT_EQ(answer.hosts[0].host_name, "web");
  EXPECT_EQ(answer.hosts[0].reason, OriginReason::kAddressMoved);
  EXPECT_EQ(answer.hosts[0].since_wall_ns, kStoryStart);
  EXPECT_FALSE(answer.may_report);
  search_.Forget(kStoryStart + 1);
  EXPECT_TRUE(Find("10.0.3.2").hosts.empty());
  EXPECT_EQ(Find("10.0.3.9").hosts.size(), 1u);
}

TEST_F(OriginSearchTest, AgentThatIsDownOrBehind_MayStillReport) {
  Report("web", {"10.0.3.2"}, kStoryStart);
  EXPECT_EQ(Find("10.0.3.2").hosts[0].reason, OriginReason::kConnectionNotReported);
  search_.NoteAgent(Story::Host("web"), {.up = true, .behind = true});
  EXPECT_TRUE(Find("10.0.3.2").may_report);
  search_.NoteAgent(Story::Host("web"), {.up = false, .last_seen_wall_ns = kOpened - kSecond});
  EXPECT_TRUE(Find("10.0.3.2").may_report);
  EXPECT_EQ(Find("10.0.3.2").hosts[0].reason, OriginReason::kAgentDown);
}

TEST_F(OriginSearchTest, AddressThatTheSessionsHostHas_IsTheSameHost) {
  Report("web", {"172.17.0.1"}, kStoryStart);
  Report("db", {"172.17.0.1"}, kStoryStart);
  const auto answer = Find("172.17.0.1");
  ASSERT_EQ(answer.hosts.size(), 1u);
  EXPECT_EQ(answer.hosts[0].reason, OriginReason::kSameHost);
  EXPECT_EQ(Find("127.0.0.1").hosts[0].reason, OriginReason::kSameHost);
}

TEST_F(OriginSearchTest, RawSocketAtThatTime_IsTheReason) {
  Report("web", {"10.0.3.2"}, kStoryStart);
  model::EdgeCount edge{.host = Story::Host("web"),
                        .side = model::HopSide::kClient,
                        .program = "/opt/stack",
                        .minute_wall_ns = kOpened - 30 * kSecond,
                        .protocol = model::kProtocolUdp};
  search_.NoteEdge(edge);
  EXPECT_EQ(Find("10.0.3.2").hosts[0].reason, OriginReason::kConnectionNotReported);
  edge.protocol = 255;
  search_.NoteEdge(edge);
  EXPECT_EQ(Find("10.0.3.2").hosts[0].reason, OriginReason::kRawSocket);
  EXPECT_EQ(Find("10.0.3.2").hosts[0].program, "/opt/stack");
}

TEST_F(OriginSearchTest, RestoredAddresses_AreKnownWithTheirTimes) {
  const std::vector<AddressReport> reports = {
      {Story::Host("web"), Address("10.0.3.2"), kStoryStart, kStoryStart + kSecond}};
  search_.Restore(reports, {}, {});
  const auto answer = Find("10.0.3.2");
  ASSERT_EQ(answer.hosts.size(), 1u);
  EXPECT_EQ(answer.hosts[0].since_wall_ns, kStoryStart + kSecond);
}

TEST_F(OriginSearchTest, MachineThatReportsManyAddresses_IsBounded) {
  std::vector<std::string> many;
  for (int i = 0; i < 300; ++i) many.push_back(absl::StrCat("10.1.", i / 250, ".", i % 250));
  Report("liar", many, kStoryStart);
  for (int i = 0; i < 300; ++i) Report("liar", {absl::StrCat("10.2.", i / 250, ".", i % 250)}, 1);
  size_t known = 0;
  for (int i = 0; i < 300; ++i) {
    known += search_.Knows(Address(absl::StrCat("10.1.", i / 250, ".", i % 250))) ? 1 : 0;
    known += search_.Knows(Address(absl::StrCat("10.2.", i / 250, ".", i % 250))) ? 1 : 0;
  }
  EXPECT_EQ(known, OriginSearch::kMaxAddressesOfMachine);
}

}  // namespace
}  // namespace hoptrail::collector::engine
