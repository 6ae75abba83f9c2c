// A host in the middle of a path that reports other ends of its own connections than it has.

#include <functional>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/engine/engine.h"
#include "collector/engine/engine_fixture.h"
#include "collector/engine/story_for_test.h"

namespace hoptrail::collector::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The story as it is when web, in its middle, reports other ends than it has.
class LyingMiddleTest : public EngineTest {
 protected:
  // `change` returns false to withhold the end.
  void Play(const std::function<bool(model::HopEnd*)>& change) {
    std::vector<model::Fact> facts = four_.story.in_order();
    std::erase_if(facts, [&](model::Fact& fact) {
      auto* end = std::get_if<model::HopEnd>(&fact);
      return end != nullptr && end->host == four_.web.host && !change(end);
    });
    Run(&engine_, facts, &store_);
    for (int i = 0; i < 5; ++i) Tick(&engine_, 20 * kSecond, &store_);
  }
  model::Proof ProofOf(const model::HopEnd& client) const {
    auto hop = store_.hops.find(graph::DeriveHopId(client));
    return hop == store_.hops.end() ? model::Proof::kUnknown : hop->second.proof;
  }
  std::vector<model::Proof> ProofsOfJoinsWithWeb() const {
    std::vector<model::Proof> proofs;
    for (const auto& [id, hop] : store_.hops) {
      if (hop.joined() &&
          (hop.client->host == four_.web.host || hop.server->host == four_.web.host)) {
        proofs.push_back(hop.proof);
      }
    }
    return proofs;
  }

  FourHosts four_;
  Engine engine_{options_};
  Store store_;
};

TEST_F(LyingMiddleTest, WrongBytes_CostOnlyItsOwnHopsTheirProof) {
  Play([](model::HopEnd* end) {
    if (end->closed_wall_ns != 0) end->bytes_received += 1 << 30;
    return true;
  });
  EXPECT_EQ(ProofOf(four_.story.last_client()), model::Proof::kProven) << "db to vault";
  EXPECT_THAT(ProofsOfJoinsWithWeb(), ElementsAre(model::Proof::kProven)) << "web to db stays open";
}

TEST_F(LyingMiddleTest, WrongTimes_CostOnlyItsOwnHopsTheirProof) {
  Play([](model::HopEnd* end) {
    end->established_wall_ns += 40LL * 24 * 3600 * kSecond;
    if (end->closed_wall_ns != 0) end->closed_wall_ns = end->established_wall_ns + kSecond;
    return true;
  });
  EXPECT_EQ(ProofOf(four_.story.last_client()), model::Proof::kProven);
  EXPECT_THAT(engine_.PathOf(four_.vault.id).steps, testing::SizeIs(testing::Ge(2u)));
}

TEST_F(LyingMiddleTest, WithheldHalf_LeavesALoneEnd) {
  Play([](model::HopEnd*) { return false; });
  EXPECT_THAT(ProofsOfJoinsWithWeb(), IsEmpty());
  EXPECT_EQ(ProofOf(four_.story.last_client()), model::Proof::kProven);
  const Path path = engine_.PathOf(four_.vault.id);
  ASSERT_THAT(path.steps, testing::SizeIs(2));
  EXPECT_EQ(path.steps[0].session, four_.db.id);
}

}  // namespace
}  // namespace hoptrail::collector::engine
