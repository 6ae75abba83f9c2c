#ifndef HOPTRAIL_AGENT_KERNEL_RING_ORDERING_BUFFER_H_
#define HOPTRAIL_AGENT_KERNEL_RING_ORDERING_BUFFER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "agent/kernel/ring/receiver.h"

namespace hoptrail::agent::kernel {

// Sorts records by boot time. It holds each record back for a moment (the window), because one with
// an earlier time may still arrive from another ring or another CPU. It reads no clock. One thread.
class OrderingBuffer {
 public:
  explicit OrderingBuffer(uint64_t window_ns) : window_ns_(window_ns) {}

  // `urgent`: the reader must wake up when the record becomes due.
  void Add(const void* data, size_t size, bool urgent = true);

  // Passes every record that is older than the window at `now_ns` (boot time) to `receiver`, in
  // order. `receiver` must not call this buffer. Returns how many.
  size_t Release(uint64_t now_ns, Receiver receiver);

  bool empty() const { return pending_.empty(); }
  size_t bytes() const { return live_bytes_; }
  // When the oldest record becomes due; the buffer must not be empty.
  uint64_t next_due_ns() const;
  // When the oldest urgent record becomes due; the largest value where there is none.
  uint64_t urgent_due_ns() const;

 private:
  static constexpr uint64_t kNone = ~uint64_t{0};

  struct Pending {
    uint64_t boot_ns;
    size_t offset;
    uint32_t size;
    bool urgent;
  };

  uint64_t window_ns_;
  std::string arena_;  // the records' bytes, in the order of arrival
  std::string spare_;  // becomes the arena when released records are removed from it
  size_t live_bytes_ = 0;
  std::vector<Pending> pending_;
  uint64_t oldest_ns_ = 0;
  uint64_t oldest_urgent_ns_ = kNone;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_RING_ORDERING_BUFFER_H_
