#include "agent/uplink/window.h"

#include <gtest/gtest.h>

#include "agent/uplink/back_off.h"

namespace hoptrail::agent::uplink {
namespace {

TEST(Window, UnacknowledgedBatches_AreBounded) {
  Window window;
  window.Start(100);
  EXPECT_EQ(window.last_sent(), 100u);
  for (uint64_t i = 1; i <= 10; ++i) window.Sent(100 + i * 1000, 1000, 1000);
  EXPECT_FALSE(window.HasRoom());
  window.Acknowledged(100 + 1500);
  EXPECT_TRUE(window.HasRoom());
  window.Acknowledged(INT64_MAX);
  EXPECT_TRUE(window.empty());
  window.Sent(20000, 1, Window::kMaxBytes);
  EXPECT_FALSE(window.HasRoom());
}

TEST(BackOff, RepeatedFailures_WaitUpToTenSeconds) {
  BackOff back_off;
  EXPECT_LE(back_off.Next(), absl::Milliseconds(250));
  for (int i = 0; i < 10; ++i) back_off.Next();
  EXPECT_GE(back_off.Next(), absl::Seconds(7));
  EXPECT_LE(back_off.Next(), absl::Milliseconds(12500));
  back_off.Reset();
  EXPECT_LE(back_off.Next(), absl::Milliseconds(250));
}

}  // namespace
}  // namespace hoptrail::agent::uplink
