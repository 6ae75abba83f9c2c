#include "agent/kernel/ring/ring.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

#include <linux/bpf.h>
#include <sys/mman.h>

namespace hoptrail::agent::kernel {
namespace {

// Positions only grow. The kernel writes one and the reader the other, each on its own page.
unsigned long Load(const void* at) {
  return __atomic_load_n(static_cast<const unsigned long*>(at), __ATOMIC_ACQUIRE);
}

absl::Status MapError(const char* what) {
  return absl::InternalError(absl::StrCat("mapping a ring's ", what, ": ", strerror(errno)));
}

}  // namespace

void Ring::Unmap::operator()(void* memory) const { munmap(memory, bytes); }

absl::StatusOr<Ring> Ring::Map(const RingHandle& handle) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* consumer = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, handle.fd, 0);
  if (consumer == MAP_FAILED) return MapError("reading position");
  Mapping consumer_mapping(consumer, Unmap{page});
  // The kernel offers the data twice in a row, so that a record that wraps around reads as one
  // piece. It is mapped once only, because every mapping of a page counts as resident memory.
  const size_t bytes = page + size_t{handle.bytes};
  void* producer = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, handle.fd, static_cast<off_t>(page));
  if (producer == MAP_FAILED) return MapError("data");
  return Ring(std::move(consumer_mapping), Mapping(producer, Unmap{bytes}), page, handle.bytes);
}

absl::StatusOr<bool> Ring::Consume(absl::FunctionRef<bool(const void*, size_t)> receiver) {
  const char* const data = static_cast<const char*>(producer_.get()) + page_;
  auto* const position = static_cast<unsigned long*>(consumer_.get());
  unsigned long read = *position;
  for (unsigned long written = Load(producer_.get()); read != written;
       written = Load(producer_.get())) {
    while (read != written) {
      if (written - read > bytes_) return absl::InternalError("a ring holds more than its size");
      const size_t offset = read & (bytes_ - 1);
      const char* const at = data + offset;
      const uint32_t header =
          __atomic_load_n(reinterpret_cast<const uint32_t*>(at), __ATOMIC_ACQUIRE);
      if ((header & BPF_RINGBUF_BUSY_BIT) != 0) return true;
      const uint32_t length = header & ~BPF_RINGBUF_DISCARD_BIT;
      const unsigned long step = (length + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8;
      if (step > written - read) return absl::InternalError("a record is longer than its ring");
      bool more = true;
      if ((header & BPF_RINGBUF_DISCARD_BIT) == 0) {
        // Headers are aligned to their size, so a header never wraps around.
        const size_t begin = (offset + BPF_RINGBUF_HDR_SZ) & (bytes_ - 1);
        if (begin + length <= bytes_) {
          more = receiver(data + begin, length);
        } else {
          whole_.assign(data + begin, bytes_ - begin);
          whole_.append(data, length - (bytes_ - begin));
          more = receiver(whole_.data(), length);
        }
      }
      read += step;
      __atomic_store_n(position, read, __ATOMIC_RELEASE);
      if (!more) return false;
    }
  }
  return false;
}

}  // namespace hoptrail::agent::kernel
