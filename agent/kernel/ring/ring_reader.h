#ifndef HOPTRAIL_AGENT_KERNEL_RING_RING_READER_H_
#define HOPTRAIL_AGENT_KERNEL_RING_RING_READER_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "agent/kernel/ring/receiver.h"
#include "agent/kernel/ring/ring.h"
#include "agent/kernel/ring/ring_merge.h"
#include "core/base/unique_fd.h"

namespace hoptrail::agent::kernel {

// Waits for records in both rings and reads them. It owns their mappings; creating and using it
// takes no privilege. One thread.
class RingReader {
 public:
  // The descriptors are not owned and must stay open.
  static absl::StatusOr<RingReader> Create(const RingHandle& high, const RingHandle& low);

  RingReader(RingReader&&) = default;
  RingReader& operator=(RingReader&&) = default;

  // See Sensor::Poll.
  absl::StatusOr<size_t> Poll(absl::Duration timeout, Receiver receiver);
  // See Reader::Drain.
  absl::Status Drain(absl::Duration longest, Receiver receiver);
  // Becomes readable when the kernel side sends a wake-up. It sends none within a few milliseconds
  // of the last one, and none for a few low records: see UntilDue().
  int epoll_fd() const { return epoll_.get(); }
  // How long to wait at most before the next Poll() if no wake-up comes; at most `longest`.
  absl::Duration UntilDue(absl::Duration longest) const;

 private:
  RingReader() = default;

  RingMerge merge_;
  UniqueFd epoll_;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_RING_RING_READER_H_
