#ifndef HOPTRAIL_AGENT_KERNEL_RING_READER_H_
#define HOPTRAIL_AGENT_KERNEL_RING_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "agent/kernel/ring.h"
#include "core/base/unique_fd.h"

namespace hoptrail::agent::kernel {

// Puts records into the order of their boot times. A record is held back for a moment (the
// window), because one with an earlier time may still be on its way in another ring or on another
// processor. Pure; one thread.
class OrderingBuffer {
 public:
  explicit OrderingBuffer(uint64_t window_ns) : window_ns_(window_ns) {}

  void Add(const void* data, size_t size);

  // Hands over, in order, every record that is older than the window at `now_ns`, boot time.
  // `receiver` must not call back.
  size_t Release(uint64_t now_ns, absl::FunctionRef<void(const void*, size_t)> receiver);

  bool empty() const { return pending_.empty(); }
  size_t bytes() const { return live_bytes_; }
  // When the oldest record becomes due; only if not empty.
  uint64_t next_due_ns() const;

 private:
  struct Pending {
    uint64_t boot_ns;
    size_t offset;
    uint32_t size;
  };

  const uint64_t window_ns_;
  std::string arena_;  // the records' bytes, in the order of arrival
  std::string spare_;  // takes the arena's place when what has left it is cleared away
  size_t live_bytes_ = 0;
  std::vector<Pending> pending_;
  uint64_t oldest_ns_ = 0;
};

// Reads both rings. Owns their mappings; neither making nor using it takes a privilege. One thread.
// What it holds is bounded; what a flood writes beyond that stays in the rings, and then is lost
// there and counted.
class RingReader {
 public:
  // The descriptors are not owned, and must stay open.
  static absl::StatusOr<RingReader> Create(const RingHandle& high, const RingHandle& low);

  RingReader(RingReader&&) = default;
  RingReader& operator=(RingReader&&) = default;

  // See Sensor::Poll.
  absl::StatusOr<size_t> Poll(absl::Duration timeout,
                              absl::FunctionRef<void(const void*, size_t)> receiver);
  // Readable when the kernel side calls for the reader. It does not call again for a few
  // milliseconds, nor for low records that are few: see UntilDue().
  int epoll_fd() const { return epoll_.get(); }
  // When to poll next, should nothing call before; at most `longest`.
  absl::Duration UntilDue(absl::Duration longest) const;

 private:
  struct Source {
    Ring ring;
    uint64_t newest_ns = 0;      // boot time of what was taken last
    bool more = false;           // left in it, for want of room here
    uint64_t busy_since_ns = 0;  // a record in it is still being written; 0: none
  };

  RingReader() = default;
  absl::Status Drain(uint64_t now_ns);
  uint64_t Horizon() const;
  uint64_t BusyHorizon(uint64_t now_ns) const;

  std::unique_ptr<OrderingBuffer> buffer_;
  std::vector<Source> sources_;
  UniqueFd epoll_;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_RING_READER_H_
