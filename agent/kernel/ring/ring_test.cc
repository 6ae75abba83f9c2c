#include "agent/kernel/ring/ring.h"

#include <cstring>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "agent/kernel/ring/fake_ring.h"

namespace hoptrail::agent::kernel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

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

TEST(RingTest, RecordBeingWritten_EndsTheReadAsBusy) {
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

TEST(RingTest, DiscardedRecord_IsSkipped) {
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
