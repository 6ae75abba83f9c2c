#ifndef HOPTRAIL_COLLECTOR_STORE_CHANGE_SIGNAL_H_
#define HOPTRAIL_COLLECTOR_STORE_CHANGE_SIGNAL_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "core/base/mutex.h"

namespace hoptrail::collector::store {

// Wakes waiting threads when the store has a higher revision. It carries a number and no data: each
// woken thread reads the store at its own pace, and nothing waits for it. Thread-safe.
class ChangeSignal {
 public:
  void Announce(int64_t revision) {
    MutexLock lock(&mutex_);
    if (revision > revision_) revision_ = revision;
  }

  int64_t revision() const {
    MutexLock lock(&mutex_);
    return revision_;
  }

  // Waits until the revision is above `seen`, up to `timeout` or until Close. Returns the revision.
  int64_t WaitAbove(int64_t seen, absl::Duration timeout) {
    MutexLock lock(&mutex_);
    auto ready = [this, seen]()
                     ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return closed_ || revision_ > seen; };
    mutex_.AwaitWithTimeout(absl::Condition(&ready), timeout);
    return revision_;
  }

  // Wakes every waiting thread; from then on none waits.
  void Close() {
    MutexLock lock(&mutex_);
    closed_ = true;
  }

 private:
  mutable Mutex mutex_;
  int64_t revision_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_CHANGE_SIGNAL_H_
