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

// Reads one BPF ring buffer through its mapping alone. libbpf's reader first calls bpf(2) for the
// map's properties, which kernels before 5.19 refuse to a process without capabilities. One thread.
class Ring {
 public:
  static absl::StatusOr<Ring> Map(const RingHandle& handle);

  // Passes records to `receiver`, oldest first, until it returns false, the ring is empty, or the
  // next record is still being written. Returns true in the last case; the records behind that one
  // come with a later call. The data is valid during the call only. INTERNAL where the ring's
  // positions or lengths are impossible.
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

  Mapping consumer_;   // one page with the reader's position
  Mapping producer_;   // one page with the kernel's position, then the data
  std::string whole_;  // a copy in one piece of a record that wraps around
  size_t page_;
  uint32_t bytes_;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_RING_RING_H_
