#ifndef HOPTRAIL_AGENT_KERNEL_RING_FAKE_RING_H_
#define HOPTRAIL_AGENT_KERNEL_RING_FAKE_RING_H_

// For tests: a ring buffer in a file, without a kernel behind it.

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "gtest/gtest.h"

#include "agent/kernel/ring/ring.h"
#include "core/base/unique_fd.h"
#include <linux/bpf.h>
#include <sys/mman.h>

namespace hoptrail::agent::kernel {

// A file laid out as the kernel maps a ring: one page for each of the two positions, then the data.
class FakeRing {
 public:
  static constexpr uint32_t kBytes = 4096;

  FakeRing() : fd_(memfd_create("ring", MFD_CLOEXEC)) {
    page_ = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    EXPECT_EQ(ftruncate(fd_.get(), static_cast<off_t>(2 * page_ + kBytes)), 0);
    memory_ = static_cast<char*>(
        mmap(nullptr, 2 * page_ + kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0));
  }
  ~FakeRing() { munmap(memory_, 2 * page_ + kBytes); }

  RingHandle handle() const { return {.fd = fd_.get(), .bytes = kBytes}; }

  // Appends a record. Returns the address of its header.
  uint32_t* Write(const std::string& text, uint32_t flags) {
    auto* const written = reinterpret_cast<unsigned long*>(memory_ + page_);
    char* const at = memory_ + 2 * page_ + *written;
    const auto length = static_cast<uint32_t>(text.size());
    auto* const header = reinterpret_cast<uint32_t*>(at);
    *header = length | flags;
    std::memcpy(at + BPF_RINGBUF_HDR_SZ, text.data(), length);
    *written += (length + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8;
    return header;
  }

 private:
  UniqueFd fd_;
  size_t page_ = 0;
  char* memory_ = nullptr;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_RING_FAKE_RING_H_
