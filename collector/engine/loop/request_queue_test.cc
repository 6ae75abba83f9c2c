#include "collector/engine/loop/request_queue.h"

#include <cstddef>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "collector/engine/loop/loop_fixture.h"

namespace hoptrail::collector::engine {
namespace {

class RequestQueueTest : public LoopTest {};

TEST_F(RequestQueueTest, RequestAfterClose_IsRefused) {
  RequestQueue queue(store_.get(), bus_.get());
  queue.Close();
  EXPECT_FALSE(queue.TryPush(ReconfigureRequest{}));
  EXPECT_EQ(queue.PathOf({}).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(queue.TakeAll().empty());
}

TEST_F(RequestQueueTest, AnswerPathsFor_AnswersPathsAndPostponesOtherRequests) {
  RequestQueue queue(store_.get(), bus_.get());
  size_t steps = 0;
  ASSERT_TRUE(queue.TryPush(ReconfigureRequest{}));
  ASSERT_TRUE(
      queue.TryPush(PathRequest{{}, [&steps](const Path& path) { steps = path.steps.size(); }}));
  queue.Close();  // so that it returns at once
  queue.AnswerPathsFor(absl::Seconds(60), [](const model::SessionId&) {
    Path path;
    path.steps.resize(3);
    return path;
  });
  EXPECT_EQ(steps, 3u);
  const std::vector<Request> postponed = queue.TakeAll();
  ASSERT_EQ(postponed.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<ReconfigureRequest>(postponed[0]));
  EXPECT_TRUE(queue.TakeAll().empty()) << "postponed once";
}

}  // namespace
}  // namespace hoptrail::collector::engine
