#include "collector/engine/join/key_watch.h"

#include <optional>

#include <gtest/gtest.h>

namespace hoptrail::collector::engine {
namespace {

model::IpAddress WatchedIp(const char* text) { return *model::ParseIpAddress(text); }

TEST(KeyWatchTest, NotedAddress_MakesItsKeysDueOnce) {
  KeyWatch watch;
  watch.Set({1, 1}, {WatchedIp("10.0.0.1"), WatchedIp("10.0.0.2"), WatchedIp("10.0.0.1")});
  watch.Set({2, 2}, {WatchedIp("10.0.0.2")});
  EXPECT_EQ(watch.TakeDue(), std::nullopt);
  watch.Note(WatchedIp("10.0.0.3"));
  EXPECT_EQ(watch.TakeDue(), std::nullopt);
  watch.Note(WatchedIp("10.0.0.1"));
  watch.Note(WatchedIp("10.0.0.2"));
  EXPECT_EQ(watch.TakeDue(), (model::HopKey{1, 1}));
  EXPECT_EQ(watch.TakeDue(), (model::HopKey{2, 2}));
  EXPECT_EQ(watch.TakeDue(), std::nullopt);
  watch.NoteAll();
  EXPECT_EQ(watch.TakeDue(), (model::HopKey{1, 1}));
}

TEST(KeyWatchTest, KeyWithoutAddresses_IsNoLongerWatchedNorDue) {
  KeyWatch watch;
  watch.Set({1, 1}, {WatchedIp("10.0.0.1")});
  watch.Note(WatchedIp("10.0.0.1"));
  watch.Set({1, 1}, {});
  EXPECT_EQ(watch.TakeDue(), std::nullopt);
  EXPECT_EQ(watch.size(), 0u);
  watch.Note(WatchedIp("10.0.0.1"));
  EXPECT_EQ(watch.TakeDue(), std::nullopt);
}

TEST(KeyWatchTest, OtherAddresses_ReplaceTheFormerOnes) {
  KeyWatch watch;
  watch.Set({1, 1}, {WatchedIp("10.0.0.1")});
  watch.Set({1, 1}, {WatchedIp("10.0.0.2")});
  watch.Note(WatchedIp("10.0.0.1"));
  EXPECT_EQ(watch.TakeDue(), std::nullopt);
  watch.Note(WatchedIp("10.0.0.2"));
  EXPECT_EQ(watch.TakeDue(), (model::HopKey{1, 1}));
}

}  // namespace
}  // namespace hoptrail::collector::engine
