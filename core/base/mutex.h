#ifndef HOPTRAIL_CORE_BASE_MUTEX_H_
#define HOPTRAIL_CORE_BASE_MUTEX_H_

// The locks that the project uses: Abseil's, under names of our own.
//
// Debian's Abseil is not built for ThreadSanitizer, which then cannot see that a lock was taken and
// reports every guarded access. The `tsan` build puts the same interface on the standard library's
// mutex, which ThreadSanitizer does see. The interface is no more than what is used here.

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

#ifdef HOPTRAIL_TSAN
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "core/base/steady_time.h"
#endif

namespace hoptrail {

#ifndef HOPTRAIL_TSAN

using Mutex = absl::Mutex;
using MutexLock = absl::MutexLock;
using Notification = absl::Notification;

#else

class ABSL_LOCKABLE Mutex {
 public:
  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mutex_.lock(); }
  // Every waiter evaluates its condition again: any unlock may have made it true.
  void Unlock() ABSL_UNLOCK_FUNCTION() {
    changed_.notify_all();
    mutex_.unlock();
  }
  void Await(const absl::Condition& condition) {
    AwaitWithTimeout(condition, absl::InfiniteDuration());
  }
  // Whether the condition held before the timeout.
  bool AwaitWithTimeout(const absl::Condition& condition, absl::Duration timeout) {
    std::unique_lock<std::mutex> lock(mutex_, std::adopt_lock);
    const SteadyTime end = SteadyTime::Now() + timeout;
    // Waits in short pieces, so that an infinite timeout needs no case of its own.
    while (!condition.Eval() && SteadyTime::Now() < end) {
      const absl::Duration left = std::min(end - SteadyTime::Now(), absl::Seconds(1));
      changed_.wait_for(lock, absl::ToChronoNanoseconds(left));
    }
    const bool holds = condition.Eval();
    lock.release();
    return holds;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex* mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(mutex) {
    mutex_->Lock();
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_->Unlock(); }

 private:
  Mutex* mutex_;
};

class Notification {
 public:
  void Notify() {
    MutexLock lock(&mutex_);
    notified_ = true;
  }
  bool HasBeenNotified() const {
    MutexLock lock(&mutex_);
    return notified_;
  }
  void WaitForNotification() const {
    MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&notified_));
  }
  bool WaitForNotificationWithTimeout(absl::Duration timeout) const {
    MutexLock lock(&mutex_);
    return mutex_.AwaitWithTimeout(absl::Condition(&notified_), timeout);
  }

 private:
  mutable Mutex mutex_;
  bool notified_ = false;
};

#endif

}  // namespace hoptrail

#endif  // HOPTRAIL_CORE_BASE_MUTEX_H_
