#include "collector/query/workers.h"

#include <utility>

namespace hoptrail::collector::query {

Workers::Workers(size_t threads, size_t queue_capacity) : capacity_(queue_capacity) {
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Work(); });
}

bool Workers::TryRun(std::function<void()> task) {
  MutexLock lock(&mutex_);
  if (stopped_ || tasks_.size() >= capacity_) return false;
  tasks_.push_back(std::move(task));
  return true;
}

void Workers::Stop() {
  {
    MutexLock lock(&mutex_);
    stopped_ = true;
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Workers::Work() {
  while (true) {
    std::function<void()> task;
    {
      MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &Workers::HasTaskOrStopped));
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace hoptrail::collector::query
