#include "agent/kernel/ring.h"

#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "core/base/unique_fd.h"
#include <linux/bpf.h>
#include <sys/mman.h>

namespace hoptrail::agent::kernel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A file laid out as the kernel maps a ring: a page for each position, then the data.
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

  // Returns where its header is.
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

std::vector<std::string> Take(Ring* ring, bool* busy) {
  std::vector<std::string> records;
  const absl::StatusOr<bool> result = ring->Consume([&](const void* data, size_t size) {
    records.emplace_back(static_cast<const char*>(data), size);
    return true;
  });
  EXPECT_TRUE(result.ok()) << result.status();
  *busy = result.ok() && *result;
  return records;
}

TEST(RingTest, StopsAtARecordThatIsBeingWrittenAndSaysSo) {
  FakeRing memory;
  absl::StatusOr<Ring> ring = Ring::Map(memory.handle());
  ASSERT_TRUE(ring.ok()) << ring.status();
  bool busy = true;
  EXPECT_THAT(Take(&*ring, &busy), IsEmpty());
  EXPECT_FALSE(busy);
  memory.Write("one", 0);
  uint32_t* const header = memory.Write("two", BPF_RINGBUF_BUSY_BIT);
  memory.Write("three", 0);
  EXPECT_THAT(Take(&*ring, &busy), ElementsAre("one"));
  EXPECT_TRUE(busy);
  EXPECT_THAT(Take(&*ring, &busy), IsEmpty());
  EXPECT_TRUE(busy);
  *header &= ~BPF_RINGBUF_BUSY_BIT;
  EXPECT_THAT(Take(&*ring, &busy), ElementsAre("two", "three"));
  EXPECT_FALSE(busy);
}

TEST(RingTest, PassesOverWhatWasGivenUp) {
  FakeRing memory;
  absl::StatusOr<Ring> ring = Ring::Map(memory.handle());
  ASSERT_TRUE(ring.ok()) << ring.status();
  memory.Write("gone", BPF_RINGBUF_DISCARD_BIT);
  memory.Write("there", 0);
  bool busy = true;
  EXPECT_THAT(Take(&*ring, &busy), ElementsAre("there"));
  EXPECT_FALSE(busy);
}

}  // namespace
}  // namespace hoptrail::agent::kernel
