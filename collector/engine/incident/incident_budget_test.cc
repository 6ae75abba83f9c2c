#include "collector/engine/incident/incident_budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hoptrail::collector::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kMinute = 60'000'000'000;

model::MachineId Machine(uint8_t n) {
  model::MachineId id;
  id.bytes[0] = n;
  return id;
}

model::SessionId Root(uint8_t n) {
  model::SessionId id;
  id.bytes[0] = n;
  return id;
}

TEST(IncidentBudgetTest, OneMachine_OpensTwentyIncidentsAndThenOneEveryTenMinutes) {
  IncidentBudget budget;
  int taken = 0;
  while (taken < 100 && budget.Take(Machine(1), kMinute)) ++taken;
  EXPECT_EQ(taken, 20);
  EXPECT_TRUE(budget.Take(Machine(2), kMinute)) << "another machine has its own budget";
  EXPECT_FALSE(budget.Take(Machine(1), 10 * kMinute));
  EXPECT_TRUE(budget.Take(Machine(1), 11 * kMinute));
  EXPECT_FALSE(budget.Take(Machine(1), 11 * kMinute));
}

TEST(IncidentBudgetTest, WaitingPaths_AreTriedInTheirOrderAndOnceEach) {
  IncidentBudget budget;
  EXPECT_THAT(budget.TakeWaiting(kMinute), IsEmpty());
  budget.Wait(Root(9));
  budget.Wait(Root(3));
  budget.Wait(Root(9));
  EXPECT_THAT(budget.TakeWaiting(kMinute), ElementsAre(Root(9), Root(3)));
  EXPECT_THAT(budget.TakeWaiting(kMinute), IsEmpty());
}

TEST(IncidentBudgetTest, TooManyWaitingPaths_LeaveTheLatest) {
  IncidentBudget budget;
  model::SessionId root;
  for (size_t i = 0; i <= IncidentBudget::kMaxWaiting; ++i) {
    root.bytes[1] = static_cast<uint8_t>(i >> 8);
    root.bytes[2] = static_cast<uint8_t>(i);
    root.bytes[3] = 1;
    budget.Wait(root);
  }
  const auto first = budget.TakeWaiting(kMinute);
  ASSERT_FALSE(first.empty());
  EXPECT_EQ(first.front().bytes[2], 1) << "the very first one has left";
}

}  // namespace
}  // namespace hoptrail::collector::engine
