#ifndef HOPTRAIL_COLLECTOR_QUERY_WORKERS_H_
#define HOPTRAIL_COLLECTOR_QUERY_WORKERS_H_

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"

#include "core/base/mutex.h"

namespace hoptrail::collector::query {

// The threads that read the store for clients, so that gRPC's own threads never wait for a disk.
// Thread-safe.
class Workers {
 public:
  Workers(size_t threads, size_t queue_capacity);
  ~Workers() { Stop(); }

  // False, and `task` is not run, when too much is queued or after Stop.
  bool TryRun(std::function<void()> task);
  // Accepts no more tasks, runs the queued ones, and waits for the threads.
  void Stop();

 private:
  void Work();
  bool HasTaskOrStopped() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return stopped_ || !tasks_.empty();
  }

  const size_t capacity_;
  Mutex mutex_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace hoptrail::collector::query

#endif  // HOPTRAIL_COLLECTOR_QUERY_WORKERS_H_
