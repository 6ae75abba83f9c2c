#ifndef HOPTRAIL_COLLECTOR_QUERY_WORKERS_H_
#define HOPTRAIL_COLLECTOR_QUERY_WORKERS_H_

#include <functional>
#include <thread>
#include <vector>

#include "core/base/bounded_queue.h"

namespace hoptrail::collector::query {

// The threads that read the store for clients, so that gRPC's own threads never wait for a disk.
// Thread-safe. Stop runs what is queued and joins.
class Workers {
 public:
  Workers(size_t threads, size_t queue_capacity);
  ~Workers() { Stop(); }

  // False, and `task` is not run, when too much is queued or after Stop.
  bool TryRun(std::function<void()> task) { return queue_.TryPush(std::move(task)); }
  void Stop();

 private:
  void Work();

  BoundedQueue<std::function<void()>> queue_;
  absl::Mutex turn_;  // one thread takes from the queue at a time
  std::vector<std::thread> threads_;
};

}  // namespace hoptrail::collector::query

#endif  // HOPTRAIL_COLLECTOR_QUERY_WORKERS_H_
