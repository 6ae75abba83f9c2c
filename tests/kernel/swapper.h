#ifndef HOPTRAIL_TESTS_KERNEL_SWAPPER_H_
#define HOPTRAIL_TESTS_KERNEL_SWAPPER_H_

// For tests of system calls whose arguments another thread changes while they run.

#include <sched.h>

#include <atomic>
#include <cstdint>
#include <thread>

namespace hoptrail::kernel_test {

// Two values of eight bytes that a thread of its own swaps in one place, as fast as it can. The
// place is aligned to them and outlives the swapper. One value a turn of the loop: an emulated
// CPU is only interrupted between turns, and would never show what is overwritten within one.
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
  // Returns when it has come by once more. Where both share one CPU, many rounds of a race go
  // by without it: call this every few rounds.
  void AwaitTurn() const {
    const uint64_t turn = turn_.load(std::memory_order_relaxed);
    while (turn_.load(std::memory_order_relaxed) == turn) sched_yield();
  }
  Swapper(const Swapper&) = delete;
  Swapper& operator=(const Swapper&) = delete;

 private:
  // Odd: whoever shares the CPU finds one value and the other by turns.
  static constexpr uint64_t kTurnsAtOnce = 10'007;

  std::atomic<bool> stop_ = false;
  std::atomic<uint64_t> turn_ = ~uint64_t{0};
  std::thread thread_;
};

}  // namespace hoptrail::kernel_test

#endif  // HOPTRAIL_TESTS_KERNEL_SWAPPER_H_
