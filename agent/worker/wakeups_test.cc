#include "agent/worker/wakeups.h"

#include <unistd.h>

#include <thread>

#include <gtest/gtest.h>

namespace hoptrail::agent {
namespace {

TEST(Wakeups, EachReason_IsReported) {
  auto wakeups = Wakeups::Create();
  ASSERT_TRUE(wakeups.ok()) << wakeups.status();
  auto none = wakeups->Wait(absl::Milliseconds(1));
  EXPECT_FALSE(none->notified || none->tick || none->supervisor);

  std::thread other([&] { wakeups->Notify(); });
  other.join();
  EXPECT_TRUE(wakeups->Wait(absl::Seconds(5))->notified);
  EXPECT_FALSE(wakeups->Wait(absl::Milliseconds(1))->notified);

  EXPECT_TRUE(wakeups->Wait(absl::Seconds(5))->tick);

  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  ASSERT_TRUE(wakeups->WatchSupervisor(read_end.get()).ok());
  write_end.reset();
  Wakeups::Reasons reasons;
  for (int i = 0; i < 5 && !reasons.supervisor; ++i) reasons = *wakeups->Wait(absl::Seconds(1));
  EXPECT_TRUE(reasons.supervisor);
}

TEST(Wakeups, WatchedDescriptor_WakesWithoutAReason) {
  auto wakeups = Wakeups::Create();
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const UniqueFd read_end(ends[0]), write_end(ends[1]);
  ASSERT_TRUE(wakeups->Watch(read_end.get()).ok());
  ASSERT_EQ(::write(write_end.get(), "x", 1), 1);
  const auto reasons = wakeups->Wait(absl::Seconds(5));
  EXPECT_FALSE(reasons->notified || reasons->tick || reasons->supervisor);
  EXPECT_FALSE(wakeups->Watch(-1).ok());
}

}  // namespace
}  // namespace hoptrail::agent
