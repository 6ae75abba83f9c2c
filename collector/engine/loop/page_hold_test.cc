// How long a page waits for those who may know more.

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

  // Connects with everything that the host has of the story still to tell.
  void Connect(const std::string& host) {
    agents_[host] = LoopTest::Connect(Story::Host(host), host, four_.story.facts().at(host).size());
    agents_[host]->heard += 3600 * kSecond;  // silence is another matter
  }
  // The host's facts up to number `end`, as far as they were not told.
  void Tell(const std::string& host, size_t end = SIZE_MAX) {
    const auto& facts = four_.story.facts().at(host);
    uint64_t& told = told_[host];
    bus::FactBatch batch{Story::Host(host), agents_.at(host), {}, {}};
    while (told < std::min(end, facts.size())) {
      batch.facts.push_back(facts[told]);
      batch.sequences.push_back(++told);
    }
    ASSERT_TRUE(bus_->Publish(std::move(batch)));
  }
  void Break(const std::string& host, bool goodbye) {
    agents_.at(host)->goodbye = goodbye;
    ASSERT_TRUE(bus_->Publish(bus::StreamClosed{Story::Host(host), agents_.at(host)}));
    Pass(0);
  }
  // All that is sent now, in order.
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
  std::map<std::string, uint64_t> told_;
};

TEST_F(PageHoldTest, ASecondWhileAllAreHeard) {
  Connect("gw");
  Tell("gw");
  Pass(0);
  TheIncident();
  EXPECT_THAT(Send(), IsEmpty());
  Pass(2);
  ASSERT_THAT(Send(), SizeIs(1));
}

TEST_F(PageHoldTest, OnePageWhereTheBeginningIsHeardLastAfterARestart) {
  for (const char* host : {"gw", "web", "db", "vault"}) Connect(host);
  Pass(1);
  Restart();
  four_.story.Detect("db", four_.db, "brute-force", model::Severity::kHigh, 61);
  for (const char* host : {"web", "db", "vault"}) {
    Connect(host);
    Tell(host);
  }
  Pass(5);
  TheIncident();
  EXPECT_THAT(Send(), IsEmpty()) << "gw was connected, and nothing is heard of it";
  Connect("gw");
  Tell("gw", 4);  // the guessed password, worth a page by itself; not yet the hop to web
  Pass(5);
  EXPECT_THAT(Send(), IsEmpty()) << "gw has more to tell";
  Tell("gw");
  Pass(1);
  const auto sent = Send();
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].incident, TheIncident());
  EXPECT_EQ(sent[0].action, store::Outbox::kTrigger);
  Pass(5);
  EXPECT_THAT(Send(), IsEmpty());
}

TEST_F(PageHoldTest, NotForeverForOneThatDoesNotComeBack) {
  Connect("gw");
  Connect("web");
  Pass(1);
  Restart();
  Connect("gw");
  Tell("gw");
  Pass(28);
  EXPECT_THAT(Send(), IsEmpty());
  Pass(4);
  EXPECT_THAT(Send(), SizeIs(1));
}

TEST_F(PageHoldTest, NorForOneThatNeverTellsWhatItSaysThatItHas) {
  Connect("web");
  Connect("gw");
  Tell("gw");
  Pass(10);
  Connect("web");  // and again, so that what is expected of it is always new
  Pass(18);
  EXPECT_THAT(Send(), IsEmpty());
  Connect("web");
  Pass(4);
  EXPECT_THAT(Send(), SizeIs(1));
}

TEST_F(PageHoldTest, ABrokenStreamIsWaitedForUntilItsSilenceIsJudged) {
  Connect("web");
  Tell("web");
  Pass(1);
  Break("web", /*goodbye=*/false);
  Connect("gw");
  Tell("gw");
  Pass(8);
  EXPECT_THAT(Send(), IsEmpty());
  Pass(4);
  EXPECT_THAT(Send(), SizeIs(1));
}

TEST_F(PageHoldTest, AGoodbyeIsNotWaitedFor) {
  Connect("web");
  Tell("web", 1);
  Pass(1);
  Break("web", /*goodbye=*/true);
  Connect("gw");
  Tell("gw");
  Pass(2);
  EXPECT_THAT(Send(), SizeIs(1));
}

}  // namespace
}  // namespace hoptrail::collector::engine
