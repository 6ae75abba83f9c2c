#ifndef HOPTRAIL_AGENT_KERNEL_RING_READER_H_
#define HOPTRAIL_AGENT_KERNEL_RING_READER_H_

#include <cstddef>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "agent/kernel/ring.h"
#include "agent/kernel/ring_merge.h"
#include "core/base/unique_fd.h"

namespace hoptrail::agent::kernel {

// Waits for both rings and reads them. Owns their mappings; neither making nor using it takes a
// privilege. One thread.
class RingReader {
 public:
  // The descriptors are not owned, and must stay open.
  static absl::StatusOr<RingReader> Create(const RingHandle& high, const RingHandle& low);

  RingReader(RingReader&&) = default;
  RingReader& operator=(RingReader&&) = default;

  // See Sensor::Poll.
  absl::StatusOr<size_t> Poll(absl::Duration timeout,
                              absl::FunctionRef<void(const void*, size_t)> receiver);
  // See Reader::Drain.
  absl::Status Drain(absl::Duration longest, absl::FunctionRef<void(const void*, size_t)> receiver);
  // Readable when the kernel side calls for the reader. It does not call again for a few
  // milliseconds, nor for low records that are few: see UntilDue().
  int epoll_fd() const { return epoll_.get(); }
  // When to poll next, should nothing call before; at most `longest`.
  absl::Duration UntilDue(absl::Duration longest) const;

 private:
  RingReader() = default;

  RingMerge merge_;
  UniqueFd epoll_;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_RING_READER_H_
