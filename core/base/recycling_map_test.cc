#include "core/base/recycling_map.h"

#include <memory>
#include <set>

#include "gtest/gtest.h"

namespace hoptrail {
namespace {

struct Value {
  int number = 7;
  std::shared_ptr<int> held;
};

TEST(RecyclingMapTest, Growth_KeepsValuesInPlace) {
  RecyclingMap<int, Value> map;
  EXPECT_EQ(map.Find(0), nullptr);
  Value* const first = &map[0];
  for (int i = 1; i < 10'000; ++i) map[i].number = i;
  EXPECT_EQ(map.Find(0), first);
  EXPECT_EQ(first->number, 7);
  EXPECT_EQ(&map[0], first);
  EXPECT_EQ(map.size(), 10'000u);
  int sum = 0;
  map.ForEach([&](int key, const Value& value) { sum += key == value.number; });
  EXPECT_EQ(sum, 9'999);
}

TEST(RecyclingMapTest, ErasedValue_IsReusedAsNew) {
  RecyclingMap<int, Value> map;
  const auto held = std::make_shared<int>(1);
  Value* const first = &map[1];
  first->number = 1;
  first->held = held;
  map.Erase(1);
  map.Erase(1);
  EXPECT_EQ(map.size(), 0u);
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(map.Find(1), nullptr);
  Value* const second = &map[2];
  EXPECT_EQ(second, first);
  EXPECT_EQ(second->number, 7);
}

}  // namespace
}  // namespace hoptrail
