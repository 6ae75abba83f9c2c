#ifndef HOPTRAIL_AGENT_WORKER_WAKEUPS_H_
#define HOPTRAIL_AGENT_WORKER_WAKEUPS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "core/base/unique_fd.h"

namespace hoptrail::agent {

// What the sensor thread waits for: the kernel side, a notice from another thread, the second's
// tick, and word from the supervisor. Wait() belongs to one thread, Notify() to any.
class Wakeups {
 public:
  struct Reasons {
    bool notified = false;
    bool tick = false;
    bool told = false;  // the supervisor said something, or is gone
  };

  static absl::StatusOr<Wakeups> Create();

  // `fd` wakes Wait() each time that it becomes readable; that it still is does not. It stays the
  // caller's.
  absl::Status Watch(int fd);
  // `fd` wakes Wait() as long as it is readable; tells by `told`.
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
