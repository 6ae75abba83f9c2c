// Makes Abseil's timed waits count on CLOCK_MONOTONIC, gRPC's timers among them.
//
// Debian's Abseil turns every timeout, also a relative one, into a moment of the wall clock and
// passes that to the kernel: when the clock is set back by an hour, a wait of one second takes an
// hour and a second. Newer releases do not. The library's definition of the wait is weak, so that a
// program may replace it; this one is the library's own, with the deadline converted to
// CLOCK_MONOTONIC when the wait begins.

#include "absl/base/config.h"

#if ABSL_LTS_RELEASE_VERSION < 20230802

#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

#include "absl/base/internal/thread_identity.h"
#include "absl/synchronization/internal/create_thread_identity.h"
#include "absl/synchronization/internal/per_thread_sem.h"

#include "core/base/log.h"
#include <linux/futex.h>
#include <sys/syscall.h>

namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

int64_t Read(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return static_cast<int64_t>(now.tv_sec) * kSecondNs + now.tv_nsec;
}

// The library's semaphore of a thread; its Post() counts up and wakes.
std::atomic<int32_t>* SemaphoreOf(absl::base_internal::ThreadIdentity* identity) {
  return reinterpret_cast<std::atomic<int32_t>*>(identity->waiter_state.data);
}

bool TryTake(std::atomic<int32_t>* semaphore) {
  int32_t count = semaphore->load(std::memory_order_relaxed);
  while (count != 0) {
    if (semaphore->compare_exchange_weak(count, count - 1, std::memory_order_acquire,
                                         std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

// False once `until` has passed; null: no limit. FUTEX_WAIT_BITSET takes a moment, not a time span,
// and of CLOCK_MONOTONIC unless a flag asks for the wall clock.
bool Take(std::atomic<int32_t>* semaphore, const timespec* until) {
  while (!TryTake(semaphore)) {
    const long result = ::syscall(SYS_futex, semaphore, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0,
                                  until, nullptr, FUTEX_BITSET_MATCH_ANY);
    if (result == 0 || errno == EINTR || errno == EAGAIN) continue;
    HT_CHECK(errno == ETIMEDOUT);
    return TryTake(semaphore);
  }
  return true;
}

}  // namespace

extern "C" bool ABSL_INTERNAL_C_SYMBOL(AbslInternalPerThreadSemWait)(
    absl::synchronization_internal::KernelTimeout timeout) {
  auto* const identity = absl::synchronization_internal::GetOrCreateCurrentThreadIdentity();
  // For the library's check for idle threads, once a second.
  const int ticker = identity->ticker.load(std::memory_order_relaxed);
  identity->wait_start.store(ticker != 0 ? ticker : 1, std::memory_order_relaxed);
  identity->is_idle.store(false, std::memory_order_relaxed);
  std::atomic<int>* const blocked = identity->blocked_count_ptr;
  if (blocked != nullptr) blocked->fetch_add(1, std::memory_order_relaxed);

  timespec until{};
  if (timeout.has_timeout()) {
    const timespec wall = timeout.MakeAbsTimespec();
    const int64_t wall_ns = static_cast<int64_t>(wall.tv_sec) * kSecondNs + wall.tv_nsec;
    const int64_t left_ns = wall_ns - Read(CLOCK_REALTIME);
    const int64_t until_ns = Read(CLOCK_MONOTONIC) + (left_ns > 0 ? left_ns : 0);
    until = {.tv_sec = until_ns / kSecondNs, .tv_nsec = until_ns % kSecondNs};
  }
  const bool taken = Take(SemaphoreOf(identity), timeout.has_timeout() ? &until : nullptr);

  if (blocked != nullptr) blocked->fetch_sub(1, std::memory_order_relaxed);
  identity->is_idle.store(false, std::memory_order_relaxed);
  identity->wait_start.store(0, std::memory_order_relaxed);
  return taken;
}

#endif
