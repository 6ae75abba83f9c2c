#include "agent/kernel/objects/detach.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>

namespace hoptrail::agent::kernel {

void DetachAll(Attachments attachments) {
  constexpr size_t kMostThreads = 16;
  std::atomic<size_t> next = 0;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < std::min(kMostThreads, attachments.size()); ++i) {
    threads.emplace_back([&] {
      for (size_t mine = next++; mine < attachments.size(); mine = next++) {
        attachments[mine].reset();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace hoptrail::agent::kernel
