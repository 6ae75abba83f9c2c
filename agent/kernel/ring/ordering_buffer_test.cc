#include "agent/kernel/ring/ordering_buffer.h"

#include <cstring>

#include "bpf/abi/events.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoptrail::agent::kernel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

void Add(OrderingBuffer* buffer, uint64_t boot_ns, bool urgent = true) {
  ht_header header = {};
  header.size = sizeof(header);
  header.boot_ns = boot_ns;
  buffer->Add(&header, sizeof(header), urgent);
}

std::vector<uint64_t> Release(OrderingBuffer* buffer, uint64_t now_ns) {
  std::vector<uint64_t> times;
  buffer->Release(now_ns, [&](const void* data, size_t size) {
    ht_header header;
    ASSERT_EQ(size, sizeof(header));
    std::memcpy(&header, data, sizeof(header));
    times.push_back(header.boot_ns);
  });
  return times;
}

TEST(OrderingBufferTest, RecordWithinTheWindow_IsHeldBack) {
  OrderingBuffer buffer(10);
  Add(&buffer, 100);
  EXPECT_EQ(buffer.next_due_ns(), 110u);
  EXPECT_THAT(Release(&buffer, 109), IsEmpty());
  EXPECT_THAT(Release(&buffer, 110), ElementsAre(100));
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.bytes(), 0u);
}

TEST(OrderingBufferTest, RecordsOutOfOrder_AreReleasedByBootTime) {
  OrderingBuffer buffer(10);
  for (uint64_t t : {100, 104, 103, 98, 120}) Add(&buffer, t);
  EXPECT_EQ(buffer.next_due_ns(), 108u);
  EXPECT_THAT(Release(&buffer, 114), ElementsAre(98, 100, 103, 104));
  Add(&buffer, 119);
  EXPECT_EQ(buffer.next_due_ns(), 129u);
  EXPECT_THAT(Release(&buffer, 1000), ElementsAre(119, 120));
}

TEST(OrderingBufferTest, RecordThatStays_KeepsItsBytesWhileOthersAreReleased) {
  OrderingBuffer buffer(10);
  Add(&buffer, 1000);
  for (uint64_t t = 0; t < 500; ++t) Add(&buffer, t);
  EXPECT_EQ(Release(&buffer, 600).size(), 500u);
  EXPECT_EQ(buffer.bytes(), sizeof(ht_header));
  EXPECT_THAT(Release(&buffer, 1010), ElementsAre(1000));
}

TEST(OrderingBufferTest, UrgentRecords_HaveADueTimeOfTheirOwn) {
  OrderingBuffer buffer(10);
  Add(&buffer, 100, false);
  EXPECT_EQ(buffer.urgent_due_ns(), ~uint64_t{0});
  Add(&buffer, 105);
  Add(&buffer, 103);
  Add(&buffer, 104, false);
  EXPECT_EQ(buffer.next_due_ns(), 110u);
  EXPECT_EQ(buffer.urgent_due_ns(), 113u);
  EXPECT_THAT(Release(&buffer, 113), ElementsAre(100, 103));
  EXPECT_EQ(buffer.urgent_due_ns(), 115u);
  EXPECT_THAT(Release(&buffer, 115), ElementsAre(104, 105));
  EXPECT_EQ(buffer.urgent_due_ns(), ~uint64_t{0});
}

TEST(OrderingBufferTest, RecordShorterThanAHeader_IsIgnored) {
  OrderingBuffer buffer(10);
  buffer.Add("short", 5);
  EXPECT_TRUE(buffer.empty());
}

}  // namespace
}  // namespace hoptrail::agent::kernel
