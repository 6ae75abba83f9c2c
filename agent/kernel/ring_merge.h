#ifndef HOPTRAIL_AGENT_KERNEL_RING_MERGE_H_
#define HOPTRAIL_AGENT_KERNEL_RING_MERGE_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "agent/kernel/ordering_buffer.h"
#include "agent/kernel/ring.h"

namespace hoptrail::agent::kernel {

// Makes one order of the records of several rings. What it holds is bounded; what a flood writes
// beyond that stays in the rings, and then is lost there and counted. It waits for nothing and
// looks at no clock. One thread.
class RingMerge {
 public:
  RingMerge();

  // Nobody waits for the records of a ring that is not urgent: they are handed over in their order,
  // before what is urgent and came after them, but nothing becomes due for their sake.
  void Add(Ring ring, bool urgent) {
    sources_.push_back({.ring = std::move(ring), .urgent = urgent});
  }

  // Takes what there is, and hands over, in the order of their boot times, the records that are
  // due at `now_ns`, boot time. Returns how many.
  absl::StatusOr<size_t> Take(uint64_t now_ns,
                              absl::FunctionRef<void(const void*, size_t)> receiver);

  // Hands over, in order, what was taken and is held back still: it is the end.
  size_t Release(absl::FunctionRef<void(const void*, size_t)> receiver);
  // Take() would find more: in a ring that was left before it was empty, or behind a record that is
  // still being written.
  bool unfinished() const;

  // How long after `now_ns` something urgent becomes due, should nothing come before; at most
  // `longest`. None where a ring was left before it was empty.
  absl::Duration UntilDue(uint64_t now_ns, absl::Duration longest) const;

 private:
  struct Source {
    Ring ring;
    bool urgent = true;
    uint64_t newest_ns = 0;      // boot time of what was taken last
    bool more = false;           // left in it, for want of room here
    uint64_t busy_since_ns = 0;  // a record in it is still being written; 0: none
  };

  absl::Status Drain(uint64_t now_ns);
  uint64_t Horizon() const;
  uint64_t BusyHorizon(uint64_t now_ns) const;

  OrderingBuffer buffer_;
  uint64_t released_ns_ = 0;  // when something was handed over last
  std::vector<Source> sources_;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_RING_MERGE_H_
