#include "agent/worker/heartbeat.h"

#include <gtest/gtest.h>

#include "agent/host/process_names.h"

namespace hoptrail::agent {
namespace {

constexpr uint64_t kNsInSecond = 1'000'000'000;

decode::Event Fork(uint64_t seconds, const char* command, uint32_t euid = 0) {
  decode::Event event;
  event.header.boot_ns = seconds * kNsInSecond;
  event.header.command = command;
  event.header.credentials.euid = euid;
  event.body = decode::Fork{};
  return event;
}

TEST(HeartbeatWatch, NoHeartbeatYet_NoneIsMissing) {
  HeartbeatWatch watch;
  EXPECT_FALSE(watch.Missing(1000 * kNsInSecond));
  watch.Handle(Fork(1000, "bash"));
  watch.Handle(Fork(1000, kLoaderName, 1000));
  EXPECT_FALSE(watch.Missing(2000 * kNsInSecond));
}

// Calls Missing() each second of the range. Returns the second in which it was true, or 0.
uint64_t AskEachSecond(HeartbeatWatch* watch, uint64_t from, uint64_t until) {
  uint64_t reported = 0;
  for (uint64_t second = from; second <= until; ++second) {
    if (!watch->Missing(second * kNsInSecond)) continue;
    EXPECT_EQ(reported, 0u) << "reported once";
    reported = second;
  }
  return reported;
}

TEST(HeartbeatWatch, ExpectedFirstHeartbeat_IsMissedAfterTenSeconds) {
  HeartbeatWatch watch;
  watch.ExpectFrom(100 * kNsInSecond);
  EXPECT_EQ(AskEachSecond(&watch, 101, 120), 110u);
}

TEST(HeartbeatWatch, MissingHeartbeats_AreReportedOnceEachTime) {
  HeartbeatWatch watch;
  watch.Handle(Fork(100, kLoaderName));
  EXPECT_EQ(AskEachSecond(&watch, 101, 111), 110u);
  EXPECT_TRUE(watch.still_missing());
  watch.Handle(Fork(112, kLoaderName));
  EXPECT_FALSE(watch.still_missing());
  EXPECT_EQ(AskEachSecond(&watch, 113, 130), 122u);
}

// The boot clock goes on while the machine is suspended; the loader does not.
TEST(HeartbeatWatch, SuspendedMachine_MissesNoHeartbeat) {
  HeartbeatWatch watch;
  watch.Handle(Fork(100, kLoaderName));
  EXPECT_EQ(AskEachSecond(&watch, 101, 102), 0u);
  EXPECT_EQ(AskEachSecond(&watch, 4000, 4002), 0u);
  watch.Handle(Fork(4002, kLoaderName));
  EXPECT_EQ(AskEachSecond(&watch, 4003, 4011), 0u);
}

// An event that is read long after it happened is as good as missing.
TEST(HeartbeatWatch, EventsReadLate_CountAsMissing) {
  HeartbeatWatch watch;
  watch.Handle(Fork(100, kLoaderName));
  uint64_t reported = 0;
  for (uint64_t second = 101; second < 130 && reported == 0; ++second) {
    if (second % 2 == 0) watch.Handle(Fork(100 + (second - 100) / 2, kLoaderName));  // half speed
    if (watch.Missing(second * kNsInSecond)) reported = second;
  }
  EXPECT_GT(reported, 110u);
}

}  // namespace
}  // namespace hoptrail::agent
