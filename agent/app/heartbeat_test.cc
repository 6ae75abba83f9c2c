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

TEST(HeartbeatWatch, MissesTheFirstWhereItIsTo) {
  HeartbeatWatch watch;
  watch.ExpectFrom(100 * kSecond);
  EXPECT_FALSE(watch.Missing(109 * kSecond));
  EXPECT_TRUE(watch.Missing(110 * kSecond));
}

TEST(HeartbeatWatch, TellsOnceAndAgainAfterTheyCameBack) {
  HeartbeatWatch watch;
  watch.Handle(Fork(100, kLoaderName));
  EXPECT_FALSE(watch.Missing(109 * kSecond));
  EXPECT_TRUE(watch.Missing(110 * kSecond));
  EXPECT_FALSE(watch.Missing(111 * kSecond));
  watch.Handle(Fork(112, kLoaderName));
  EXPECT_FALSE(watch.Missing(113 * kSecond));
  EXPECT_TRUE(watch.Missing(122 * kSecond));
}

}  // namespace
}  // namespace hoptrail::agent::app
