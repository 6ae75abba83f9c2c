#ifndef HOPTRAIL_TESTS_KERNEL_SWAPPER_H_
#define HOPTRAIL_TESTS_KERNEL_SWAPPER_H_

// For tests of system calls whose arguments another thread changes while the call runs.

#include <sched.h>

#include <atomic>
#include <cstdint>
#include <thread>

namespace hoptrail::kernel_test {

// A thread that writes two values of eight bytes to one place by turns, as fast as it can. The
// place is aligned to eight bytes and outlives the swapper. Each turn of the loop writes one value:
// an emulated CPU is interrupted between turns only, so of two writes in one turn no other thread
// would see the first.
class Swapper {
 public:
  Swapper(void* place, uint64_t one, uint64_t other)
      : thread_([this, place, one, other] {
          auto* value = static_cast<std::atomic<uint64_t>*>(place);
          for (uint64_t turn = 0; !stop_.load(std::memory_order_relaxed); ++turn) {
            value->store((turn & 1) == 0 ? one : other, std::memory_order_relaxed);
            turn_.store(turn, std::memory_order_relaxed);
            if (turn % kTurnsAtOnce == 0) sched_yield();
          }
        }) {}
  ~Swapper() {
    stop_ = true;
    thread_.join();
  }
  // Returns when the thread has run once more. Call it every few rounds of a race: if the caller
  // and the thread share one CPU, many rounds pass before the scheduler runs the thread.
  void AwaitTurn() const {
    const uint64_t turn = turn_.load(std::memory_order_relaxed);
    while (turn_.load(std::memory_order_relaxed) == turn) sched_yield();
  }
  Swapper(const Swapper&) = delete;
  Swapper& operator=(const Swapper&) = delete;

 private:
  // Odd, so that a thread on the same CPU sees the two values by turns.
  static constexpr uint64_t kTurnsAtOnce = 10'007;

  std::atomic<bool> stop_ = false;
  std::atomic<uint64_t> turn_ = ~uint64_t{0};
  std::thread thread_;
};

}  // namespace hoptrail::kernel_test

#endif  // HOPTRAIL_TESTS_KERNEL_SWAPPER_H_
