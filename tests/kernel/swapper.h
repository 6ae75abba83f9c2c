#ifndef HOPTRAIL_TESTS_KERNEL_SWAPPER_H_
#define HOPTRAIL_TESTS_KERNEL_SWAPPER_H_

// For tests of system calls whose arguments another thread changes while they run.

#include <atomic>
#include <cstdint>
#include <thread>

namespace hoptrail::kernel_test {

// Two values of eight bytes that a thread of its own swaps in one place, as fast as it can. The
// place is aligned to them and outlives the swapper. One value a turn of the loop: an emulated
// processor is only interrupted between turns, and would never show what is overwritten within one.
class Swapper {
 public:
  Swapper(void* place, uint64_t one, uint64_t other)
      : thread_([this, place, one, other] {
          auto* value = static_cast<std::atomic<uint64_t>*>(place);
          for (bool first = true; !stop_.load(std::memory_order_relaxed); first = !first) {
            value->store(first ? one : other, std::memory_order_relaxed);
          }
        }) {}
  ~Swapper() {
    stop_ = true;
    thread_.join();
  }
  Swapper(const Swapper&) = delete;
  Swapper& operator=(const Swapper&) = delete;

 private:
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace hoptrail::kernel_test

#endif  // HOPTRAIL_TESTS_KERNEL_SWAPPER_H_
