#include "agent/app/heartbeat.h"

#include <gtest/gtest.h>

#include "agent/app/process_names.h"

namespace hoptrail::agent::app {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

decode::Event Fork(uint64_t seconds, const char* command, uint32_t euid = 0) {
  decode::Event event;
  event.header.boot_ns = seconds * kSecond;
  event.header.command = command;
  event.header.credentials.euid = euid;
  event.body = decode::Fork{};
  return event;
}

TEST(HeartbeatWatch, ExpectsNoneBeforeTheFirst) {
  HeartbeatWatch watch;
  EXPECT_FALSE(watch.Missing(1000 * kSecond));
  watch.Handle(Fork(1000, "bash"));
  watch.Handle(Fork(1000, kLoaderName, 1000));
  EXPECT_FALSE(watch.Missing(2000 * kSecond));
}

// Asks once a second, from then to then; when it was told that they are missing, 0 where it was
// not.
uint64_t AskEachSecond(HeartbeatWatch* watch, uint64_t from, uint64_t until) {
  uint64_t told = 0;
  for (uint64_t second = from; second <= until; ++second) {
    if (!watch->Missing(second * kSecond)) continue;
    EXPECT_EQ(told, 0u) << "told once";
    told = second;
  }
  return told;
}

TEST(HeartbeatWatch, MissesTheFirstWhereItIsTo) {
  HeartbeatWatch watch;
  watch.ExpectFrom(100 * kSecond);
  EXPECT_EQ(AskEachSecond(&watch, 101, 120), 110u);
}

TEST(HeartbeatWatch, TellsOnceAndAgainAfterTheyCameBack) {
  HeartbeatWatch watch;
  watch.Handle(Fork(100, kLoaderName));
  EXPECT_EQ(AskEachSecond(&watch, 101, 111), 110u);
  EXPECT_TRUE(watch.still_missing());
  watch.Handle(Fork(112, kLoaderName));
  EXPECT_FALSE(watch.still_missing());
  EXPECT_EQ(AskEachSecond(&watch, 113, 130), 122u);
}

// The boot clock goes on while the machine is suspended; the loader does not.
TEST(HeartbeatWatch, ASuspendedMachineIsNotBlind) {
  HeartbeatWatch watch;
  watch.Handle(Fork(100, kLoaderName));
  EXPECT_EQ(AskEachSecond(&watch, 101, 102), 0u);
  EXPECT_EQ(AskEachSecond(&watch, 4000, 4002), 0u);
  watch.Handle(Fork(4002, kLoaderName));
  EXPECT_EQ(AskEachSecond(&watch, 4003, 4011), 0u);
}

// What is read long after it happened is as good as missing.
TEST(HeartbeatWatch, AnAgentThatLagsBehindMissesThem) {
  HeartbeatWatch watch;
  watch.Handle(Fork(100, kLoaderName));
  uint64_t told = 0;
  for (uint64_t second = 101; second < 130 && told == 0; ++second) {
    if (second % 2 == 0) watch.Handle(Fork(100 + (second - 100) / 2, kLoaderName));  // half speed
    if (watch.Missing(second * kSecond)) told = second;
  }
  EXPECT_GT(told, 110u);
}

}  // namespace
}  // namespace hoptrail::agent::app
