// Where streams come from, the operator's list, and a restart: which hops they prove.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "collector/engine/loop/loop_fixture.h"
#include "collector/engine/story_for_test.h"

namespace hoptrail::collector::engine {
namespace {

// gw connects to web, which sees it under the address of a router.
class TranslationTest : public LoopTest {
 protected:
  static constexpr char kRouter[] = "203.0.113.7";

  void SetUp() override {
    LoopTest::SetUp();
    story_.AddHost("gw", 0, {"10.0.1.2"});
    story_.AddHost("web", 0, {"10.0.2.2"});
    const model::Session gw = story_.Login("gw", "staff", "192.0.2.9", 10);
    story_.Hop(gw, "gw", "web", "deploy", 20,
               {{Address("10.0.1.2"), 50000}, {Address("10.0.2.2"), 22}},
               {{Address(kRouter), 50000}, {Address("10.0.2.2"), 22}});
  }
  // Connects the host from that address, and sends all its facts that were not sent.
  void Report(const std::string& host, const std::string& from) {
    auto agent = std::make_shared<FakeAgent>(&clock_);
    agent->last_message_boot_ns += 3600 * kSecond;  // it does not become silent
    bus::StreamOpened opened{Story::Host(host), host, agent};
    opened.address = Address(from);
    ASSERT_TRUE(bus_->Publish(std::move(opened)));
    bus::FactBatch batch{Story::Host(host), agent, {}, story_.facts().at(host)};
    for (uint64_t i = 1; i <= batch.facts.size(); ++i) batch.sequences.push_back(i);
    ASSERT_TRUE(bus_->Publish(std::move(batch)));
    Pass(1);
  }
  // Of the joined hop with that key.
  model::Proof ProofOf(const model::HopKey& key) {
    auto snapshot = store_->LoadSnapshot();
    EXPECT_TRUE(snapshot.ok()) << snapshot.status();
    for (const StoredHop& hop : snapshot->hops) {
      if (hop.hop.joined() && hop.hop.client->hop_key == key) return hop.hop.proof;
    }
    return model::Proof::kUnknown;
  }

  Story story_;
};

TEST_F(TranslationTest, StreamsOfTwoHostsFromTheRouter_ProveTheHop) {
  Report("gw", kRouter);
  Report("web", "10.0.2.2");
  EXPECT_EQ(ProofOf(story_.last_client().hop_key), model::Proof::kInferred);
  story_.AddHost("neighbour", 0, {"10.0.1.3"});
  Report("neighbour", kRouter);
  Pass(1);
  EXPECT_EQ(ProofOf(story_.last_client().hop_key), model::Proof::kProven);
  // The stored proof needs no stream.
  Close();
  Open();
  Pass(2);
  EXPECT_EQ(ProofOf(story_.last_client().hop_key), model::Proof::kProven);
}

TEST_F(TranslationTest, RouterInAReloadedConfiguration_ProvesTheHop) {
  Report("gw", "10.0.1.2");
  Report("web", "10.0.2.2");
  EXPECT_EQ(ProofOf(story_.last_client().hop_key), model::Proof::kInferred);
  ReconfigureRequest request;
  request.translations = {*model::ParseIpPrefix("203.0.113.0/28")};
  request.engine_retention_ns = request.retention.max_age_ns;
  request.silent_after_ns = request.heartbeat_timeout_ns = 60 * kSecond;
  ASSERT_TRUE(loop_->TryPush(std::move(request)));
  Pass(2);
  EXPECT_EQ(ProofOf(story_.last_client().hop_key), model::Proof::kProven);
}

TEST_F(TranslationTest, AddressesOfHosts_AreKnownAfterARestart) {
  story_.AddHost("eve", 0, {"10.0.1.66"});
  Report("gw", "10.0.1.2");
  Close();
  Open();
  // web accepts a connection from gw's address. Before gw's agent is back, eve claims that it was
  // the client.
  const model::HopKey key = story_.NextKey();
  const model::Flow flow{{Address("10.0.1.2"), 50001}, {Address("10.0.2.2"), 22}};
  story_.Report("web", story_.End("web", model::HopSide::kServer, key, flow, 30));
  story_.Report("eve", story_.End("eve", model::HopSide::kClient, key, flow, 30));
  Report("web", "10.0.2.2");
  Report("eve", "10.0.1.66");
  EXPECT_EQ(ProofOf(key), model::Proof::kInferred);
}

}  // namespace
}  // namespace hoptrail::collector::engine
