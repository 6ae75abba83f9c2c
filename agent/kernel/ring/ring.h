#ifndef HOPTRAIL_AGENT_KERNEL_RING_RING_H_
#define HOPTRAIL_AGENT_KERNEL_RING_RING_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace hoptrail::agent::kernel {

// A ring buffer map: its descriptor, not owned, and its size, a power of two of whole pages.
struct RingHandle {
  int fd = -1;
  uint32_t bytes = 0;
};

// The reading side of one BPF ring buffer, through its mapping alone. libbpf's own reader asks
// bpf(2) about the map first, which kernels before 5.19 refuse to a process without capabilities.
// One thread.
class Ring {
 public:
  static absl::StatusOr<Ring> Map(const RingHandle& handle);

  // Hands over what is there, oldest first, until the receiver returns false, nothing is left, or a
  // record comes that is still being written: then true. What lies behind that one comes later. The
  // data is valid during the call only. INTERNAL where the ring's own figures make no sense.
  absl::StatusOr<bool> Consume(absl::FunctionRef<bool(const void* data, size_t size)> receiver);

 private:
  struct Unmap {
    size_t bytes = 0;
    void operator()(void* memory) const;
  };
  using Mapping = std::unique_ptr<void, Unmap>;

  Ring(Mapping consumer, Mapping producer, size_t page, uint32_t bytes)
      : consumer_(std::move(consumer)),
        producer_(std::move(producer)),
        page_(page),
        bytes_(bytes) {}

  Mapping consumer_;   // one page: how far we have read
  Mapping producer_;   // one page: how far the kernel has written; then the data
  std::string whole_;  // a record that goes on at the ring's beginning, put together
  size_t page_;
  uint32_t bytes_;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_RING_RING_H_
