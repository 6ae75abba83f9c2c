#include "collector/engine/join/passage.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace hoptrail::collector::engine {
namespace {

constexpr int64_t kMinute = int64_t{60} * 1'000'000'000;

TEST(PassageTest, OnlyConnection_IsLikelyAndNeverCertain) {
  const double odds = PassageOdds({.user = Likeness::kDifferent, .key = Likeness::kDifferent});
  EXPECT_NEAR(PassageProbability(odds, 0, 0), 0.63, 0.02);
  const double same = PassageOdds({.user = Likeness::kSame, .key = Likeness::kSame});
  EXPECT_EQ(PassageProbability(same, 0, 0), kMostPassage);
}

TEST(PassageTest, EqualConnections_ShareTheProbabilityUntilNoneIsLeft) {
  const double odds = PassageOdds({.user = Likeness::kDifferent});
  double last = 1;
  for (int others = 0; others <= 3; ++others) {
    const double p = PassageProbability(odds, others * odds, 0);
    EXPECT_LT(p, last);
    EXPECT_LE(p, 1.0 / (others + 1));
    last = p;
  }
  EXPECT_LT(PassageProbability(odds, 5 * odds, 0), kLeastPassage);
}

TEST(PassageTest, HostThatEntersOnItsOwn_MakesPassagesUnlikely) {
  const double odds = PassageOdds({.user = Likeness::kDifferent});
  EXPECT_LT(PassageProbability(odds, 0, 16), kLeastPassage);
}

TEST(PassageTest, LongOpenConnection_IsLessLikely) {
  EXPECT_GT(PassageOdds({.after_ns = 0}), PassageOdds({.after_ns = 30 * kMinute}));
  EXPECT_GT(PassageOdds({.after_ns = 30 * kMinute}), PassageOdds({.after_ns = 500 * kMinute}));
}

TEST(PassageTest, TrafficOfBothConnections_IsComparedWhenBothAreClosed) {
  model::HopEnd into, from;
  PassageEvidence evidence;
  into.bytes_received = 200'000;
  into.bytes_sent = 9'000;
  into.closed_wall_ns = 100 * kMinute;
  from.bytes_sent = 190'000;
  from.bytes_received = 8'000;
  CompareTraffic(into, from, 0, &evidence);
  EXPECT_EQ(evidence.bytes, Likeness::kUnknown) << "one is open";
  from.closed_wall_ns = into.closed_wall_ns + 3600 * kMinute;
  CompareTraffic(into, from, /*clocks_ahead_ns=*/3600 * kMinute, &evidence);
  EXPECT_EQ(evidence.bytes, Likeness::kSame);
  EXPECT_EQ(evidence.ends, Likeness::kSame);
  from.bytes_sent = 20'000'000;
  CompareTraffic(into, from, 0, &evidence);
  EXPECT_EQ(evidence.bytes, Likeness::kDifferent);
  EXPECT_EQ(evidence.ends, Likeness::kDifferent);
}

// A host without an agent. Up to eight people are on it, each over one connection from the fleet.
// Logins from it are made by one of them in two of three cases while somebody is there, by somebody
// with the same name more often than chance, and otherwise by the host.
TEST(PassageTest, StatedProbability_IsAboutTheShareOfRightPassages) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::array<double, 10> stated{}, right{};
  std::array<int, 10> count{};
  constexpr int kUsers = 12;
  for (int round = 0; round < 200'000; ++round) {
    const int people = 1 + static_cast<int>(uniform(random) * 8);
    std::vector<int> users(static_cast<size_t>(people));
    for (int& user : users) user = static_cast<int>(uniform(random) * kUsers);
    // Each of those on the host makes twice as many logins as the host itself, as the odds say.
    const int author = static_cast<int>(uniform(random) * (2 * people + 1));
    const int person = author == 2 * people ? -1 : author / 2;
    int user = static_cast<int>(uniform(random) * kUsers);
    if (person >= 0 && uniform(random) < 0.4) user = users[static_cast<size_t>(person)];
    std::vector<double> odds;
    for (const int each : users) {
      PassageEvidence evidence{.after_ns = 5 * kMinute};
      evidence.user = each == user ? Likeness::kSame : Likeness::kDifferent;
      odds.push_back(PassageOdds(evidence));
    }
    double all = 0;
    for (const double each : odds) all += each;
    const auto best = std::max_element(odds.begin(), odds.end());
    const double p = PassageProbability(*best, all - *best, 0);
    if (p < kLeastPassage) continue;
    const auto decile = static_cast<size_t>(std::min(p, 0.999) * 10);
    stated[decile] += p;
    right[decile] += best - odds.begin() == person ? 1 : 0;
    count[decile]++;
  }
  int checked = 0;
  for (size_t i = 0; i < count.size(); ++i) {
    if (count[i] < 1000) continue;
    ++checked;
    EXPECT_NEAR(right[i] / count[i], stated[i] / count[i], 0.15) << "decile " << i;
  }
  EXPECT_GE(checked, 3);
}

}  // namespace
}  // namespace hoptrail::collector::engine
