#ifndef HOPTRAIL_AGENT_WORKER_WAKEUPS_H_
#define HOPTRAIL_AGENT_WORKER_WAKEUPS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "core/base/unique_fd.h"

namespace hoptrail::agent {

// Waits for all that the main thread handles: the kernel side, a notice from another thread, the
// tick of each second, and messages of the supervisor. Wait() belongs to one thread, Notify() to
// any.
class Wakeups {
 public:
  struct Reasons {
    bool notified = false;
    bool tick = false;
    bool supervisor = false;  // it has sent a message, or is gone
  };

  static absl::StatusOr<Wakeups> Create();

  // `fd` wakes Wait() each time that it becomes readable, but not because it still is. It stays the
  // caller's.
  absl::Status Watch(int fd);
  // `fd` wakes Wait() as long as it is readable, with the reason `supervisor`.
  absl::Status WatchSupervisor(int fd);
  absl::StatusOr<Reasons> Wait(absl::Duration timeout);
  void Notify() const;

 private:
  absl::Status Add(int fd, uint32_t events);

  UniqueFd epoll_, notice_, timer_;
  int supervisor_ = -1;
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_WORKER_WAKEUPS_H_
