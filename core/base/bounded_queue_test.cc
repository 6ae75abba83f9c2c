#include "core/base/bounded_queue.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace hoptrail {
namespace {

TEST(BoundedQueueTest, FullQueue_RefusesTryPush) {
  BoundedQueue<int> queue(2);
  EXPECT_TRUE(queue.TryPush(1));
  EXPECT_TRUE(queue.TryPush(2));
  EXPECT_FALSE(queue.TryPush(3));
  std::vector<int> out;
  EXPECT_TRUE(queue.PopAll(absl::ZeroDuration(), &out));
  EXPECT_EQ(out, (std::vector<int>{1, 2}));
  EXPECT_TRUE(queue.TryPush(3));
}

TEST(BoundedQueueTest, ClosedQueue_DrainsThenEnds) {
  BoundedQueue<int> queue(2);
  EXPECT_TRUE(queue.TryPush(1));
  queue.Close();
  EXPECT_FALSE(queue.TryPush(2));
  std::vector<int> out;
  EXPECT_TRUE(queue.PopAll(absl::ZeroDuration(), &out));
  EXPECT_EQ(out.size(), 1u);
  EXPECT_FALSE(queue.PopAll(absl::InfiniteDuration(), &out));
}

TEST(BoundedQueueTest, Wake_EndsAWaitingPopAll) {
  BoundedQueue<int> queue(1);
  std::vector<int> out;
  queue.Wake();
  EXPECT_TRUE(queue.PopAll(absl::InfiniteDuration(), &out));
  std::thread waker([&queue] { queue.Wake(); });
  EXPECT_TRUE(queue.PopAll(absl::InfiniteDuration(), &out));
  waker.join();
  EXPECT_TRUE(out.empty());
}

TEST(BoundedQueueTest, FullQueue_PushWaitsForRoom) {
  BoundedQueue<int> queue(1);
  EXPECT_TRUE(queue.Push(1));
  std::thread producer([&queue] { EXPECT_TRUE(queue.Push(2)); });
  std::vector<int> out;
  while (out.size() < 2) ASSERT_TRUE(queue.PopAll(absl::InfiniteDuration(), &out));
  producer.join();
  EXPECT_EQ(out, (std::vector<int>{1, 2}));
}

}  // namespace
}  // namespace hoptrail
