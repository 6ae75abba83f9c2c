#ifndef HOPTRAIL_CORE_BASE_BOUNDED_QUEUE_H_
#define HOPTRAIL_CORE_BASE_BOUNDED_QUEUE_H_

#include <cstddef>
#include <deque>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "core/base/mutex.h"

namespace hoptrail {

// A first-in first-out queue between threads that never holds more than `capacity` items. Any
// number of producers and consumers; every method is thread-safe.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) {}

  // False, and `item` untouched, when the queue is full or closed: the caller counts the loss.
  bool TryPush(T&& item) {
    MutexLock lock(&mutex_);
    if (closed_ || items_.size() >= capacity_) return false;
    items_.push_back(std::move(item));
    return true;
  }

  // Waits for room. False when the queue was closed.
  bool Push(T&& item) {
    MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &BoundedQueue::HasRoomOrClosed));
    if (closed_) return false;
    items_.push_back(std::move(item));
    return true;
  }

  // Moves everything queued to the end of `out`, after waiting up to `timeout` for a first item or
  // for Wake().
  // False when the queue is closed and empty: no item will follow.
  bool PopAll(absl::Duration timeout, std::vector<T>* out) {
    MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(this, &BoundedQueue::HasItemsOrWokenOrClosed), timeout);
    woken_ = false;
    if (items_.empty()) return !closed_;
    for (T& item : items_) out->push_back(std::move(item));
    items_.clear();
    return true;
  }

  // Ends the present PopAll(), or the next one, even if the queue is empty.
  void Wake() {
    MutexLock lock(&mutex_);
    woken_ = true;
  }

  // Refuses further items; those queued can still be popped.
  void Close() {
    MutexLock lock(&mutex_);
    closed_ = true;
  }

  size_t size() const {
    MutexLock lock(&mutex_);
    return items_.size();
  }

 private:
  bool HasRoomOrClosed() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return closed_ || items_.size() < capacity_;
  }
  bool HasItemsOrWokenOrClosed() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return closed_ || woken_ || !items_.empty();
  }

  const size_t capacity_;
  mutable Mutex mutex_;
  std::deque<T> items_ ABSL_GUARDED_BY(mutex_);
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace hoptrail

#endif  // HOPTRAIL_CORE_BASE_BOUNDED_QUEUE_H_
