#ifndef HOPTRAIL_AGENT_KERNEL_RING_RING_MERGE_H_
#define HOPTRAIL_AGENT_KERNEL_RING_RING_MERGE_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "agent/kernel/ring/ordering_buffer.h"
#include "agent/kernel/ring/receiver.h"
#include "agent/kernel/ring/ring.h"

namespace hoptrail::agent::kernel {

// Merges the records of several rings into one sequence, ordered by boot time. Its memory is
// bounded: the excess of a flood stays in the rings, where it is lost and counted. It never waits
// and reads no clock. One thread.
class RingMerge {
 public:
  RingMerge();

  // Records of a ring that is not urgent keep their place in the order, before later urgent ones,
  // but never make the reader wake up.
  void Add(Ring ring, bool urgent) {
    sources_.push_back({.ring = std::move(ring), .urgent = urgent});
  }

  // Empties the rings as far as its bounds allow, and passes the records that are due at `now_ns`
  // (boot time) to `receiver`, ordered by boot time. Returns how many.
  absl::StatusOr<size_t> Take(uint64_t now_ns, Receiver receiver);

  // For the end: passes on, in order, all records that are still held back.
  size_t Release(Receiver receiver);
  // Whether Take() would find more: in a ring that was left before it was empty, or behind a record
  // that is still being written.
  bool unfinished() const;

  // How long after `now_ns` the next urgent record becomes due if no other record comes before; at
  // most `longest`. Zero where a ring was left before it was empty.
  absl::Duration UntilDue(uint64_t now_ns, absl::Duration longest) const;

 private:
  struct Source {
    Ring ring;
    bool urgent = true;
    uint64_t newest_ns = 0;      // boot time of the record that was taken last
    bool more = false;           // records were left in it, because there was no room here
    uint64_t busy_since_ns = 0;  // since when a record in it is being written; 0: none is
  };

  absl::Status Drain(uint64_t now_ns);
  uint64_t Horizon() const;
  uint64_t BusyHorizon(uint64_t now_ns) const;

  OrderingBuffer buffer_;
  uint64_t released_ns_ = 0;  // when records were passed on last
  std::vector<Source> sources_;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_RING_RING_MERGE_H_
