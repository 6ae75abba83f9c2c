// How long a page waits for hosts that may know more of its path.

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/loop/loop_fixture.h"
#include "collector/engine/story_for_test.h"

namespace hoptrail::collector::engine {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class PageHoldTest : public LoopTest {
 protected:
  void SetUp() override {
    LoopTest::SetUp();
    clock_.StepWallNs(kStoryStart - clock_.WallNs());
    outbox_ = *store_->OpenOutbox();
  }
  void Restart() {
    outbox_.reset();
    Close();
    Open();
    outbox_ = *store_->OpenOutbox();
  }

  // Connects the host with all its facts of the story in its spool.
  void Connect(const std::string& host) {
    agents_[host] = LoopTest::Connect(Story::Host(host), host, four_.story.facts().at(host).size());
    agents_[host]->last_message_boot_ns += 3600 * kSecond;  // it does not become silent
  }
  // Sends the host's facts up to number `end` that were not yet sent.
  void Report(const std::string& host, size_t end = SIZE_MAX) {
    const auto& facts = four_.story.facts().at(host);
    uint64_t& reported = reported_[host];
    bus::FactBatch batch{Story::Host(host), agents_.at(host), {}, {}};
    while (reported < std::min(end, facts.size())) {
      batch.facts.push_back(facts[reported]);
      batch.sequences.push_back(++reported);
    }
    ASSERT_TRUE(bus_->Publish(std::move(batch)));
  }
  void Break(const std::string& host, bool goodbye) {
    agents_.at(host)->goodbye = goodbye;
    ASSERT_TRUE(bus_->Publish(bus::StreamClosed{Story::Host(host), agents_.at(host)}));
    Pass(0);
  }
  // Sends all pages that are not held, and returns them in order.
  std::vector<store::Outbox::Item> Send() {
    std::vector<store::Outbox::Item> sent;
    while (auto item = *outbox_->Next([](const store::Outbox::Item& next) { return !next.held; })) {
      EXPECT_TRUE(outbox_->Done(*item, clock_.WallNs(), "").ok());
      sent.push_back(*item);
    }
    return sent;
  }
  model::IncidentId TheIncident() {
    auto snapshot = store_->LoadSnapshot();
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    std::vector<model::IncidentId> live;
    for (const auto& incident : snapshot->incidents) {
      if (incident.merged_into.empty()) live.push_back(incident.id);
    }
    EXPECT_THAT(live, SizeIs(1));
    return live.empty() ? model::IncidentId() : live[0];
  }

  FourHosts four_;
  std::unique_ptr<store::Outbox> outbox_;
  std::map<std::string, std::shared_ptr<FakeAgent>> agents_;
  std::map<std::string, uint64_t> reported_;
};

TEST_F(PageHoldTest, PageWithoutBacklog_WaitsASecond) {
  Connect("gw");
  Report("gw");
  Pass(0);
  TheIncident();
  EXPECT_THAT(Send(), IsEmpty());
  Pass(2);
  ASSERT_THAT(Send(), SizeIs(1));
}

TEST_F(PageHoldTest, RootReportedLastAfterARestart_IsOnePage) {
  for (const char* host : {"gw", "web", "db", "vault"}) Connect(host);
  Pass(1);
  Restart();
  four_.story.Detect("db", four_.db, "brute-force", model::Severity::kHigh, 61);
  for (const char* host : {"web", "db", "vault"}) {
    Connect(host);
    Report(host);
  }
  Pass(5);
  TheIncident();
  EXPECT_THAT(Send(), IsEmpty()) << "gw was connected and has not come back";
  Connect("gw");
  Report("gw", 4);  // the guessed password, worth a page; not yet the hop to web
  Pass(5);
  EXPECT_THAT(Send(), IsEmpty()) << "gw has a backlog";
  Report("gw");
  Pass(1);
  const auto sent = Send();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].incident, TheIncident());
  EXPECT_EQ(sent[0].action, store::Outbox::kTrigger);
  Pass(5);
  EXPECT_THAT(Send(), IsEmpty());
}

TEST_F(PageHoldTest, HostThatDoesNotComeBack_HoldsAPageForABoundedTime) {
  Connect("gw");
  Connect("web");
  Pass(1);
  Restart();
  Connect("gw");
  Report("gw");
  Pass(28);
  EXPECT_THAT(Send(), IsEmpty());
  Pass(4);
  EXPECT_THAT(Send(), SizeIs(1));
}

TEST_F(PageHoldTest, HostThatNeverSendsItsBacklog_HoldsAPageForABoundedTime) {
  Connect("web");
  Connect("gw");
  Report("gw");
  Pass(10);
  Connect("web");  // again, so that its backlog is always new
  Pass(18);
  EXPECT_THAT(Send(), IsEmpty());
  Connect("web");
  Pass(4);
  EXPECT_THAT(Send(), SizeIs(1));
}

TEST_F(PageHoldTest, BrokenStream_HoldsAPageUntilTheHeartbeatTimeout) {
  Connect("web");
  Report("web");
  Pass(1);
  Break("web", /*goodbye=*/false);
  Connect("gw");
  Report("gw");
  Pass(8);
  EXPECT_THAT(Send(), IsEmpty());
  Pass(4);
  EXPECT_THAT(Send(), SizeIs(1));
}

TEST_F(PageHoldTest, HostThatSaidGoodbye_HoldsNoPage) {
  Connect("web");
  Report("web", 1);
  Pass(1);
  Break("web", /*goodbye=*/true);
  Connect("gw");
  Report("gw");
  Pass(2);
  EXPECT_THAT(Send(), SizeIs(1));
}

}  // namespace
}  // namespace hoptrail::collector::engine
