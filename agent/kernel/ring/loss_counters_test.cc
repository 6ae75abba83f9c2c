#include "agent/kernel/ring/loss_counters.h"

#include <unistd.h>

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <sys/mman.h>

namespace hoptrail::agent::kernel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LossCountersTest : public testing::Test {
 protected:
  LossCountersTest() : fd_(memfd_create("losses", MFD_CLOEXEC)) {
    EXPECT_EQ(ftruncate(fd_.get(), 4096), 0);
    losses_ = static_cast<ht_losses*>(
        mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0));
  }
  ~LossCountersTest() override { munmap(losses_, 4096); }

  LossCounters Open(int reported_fd) {
    auto counters = LossCounters::Map(fd_.get(), 1, reported_fd);
    EXPECT_TRUE(counters.ok()) << counters.status();
    return *std::move(counters);
  }
  static std::vector<uint64_t> ReportedCounts(LossCounters* counters, bool at_once) {
    std::vector<uint64_t> counts;
    counters->ReportNew([&](const void* data,
                            size_t) { counts.push_back(static_cast<const ht_lost*>(data)->count); },
                        at_once);
    return counts;
  }

  UniqueFd fd_;
  ht_losses* losses_ = nullptr;
};

TEST_F(LossCountersTest, LossWithinASecond_IsReportedOnceAndAtTheEnd) {
  LossCounters counters = Open(-1);
  EXPECT_THAT(ReportedCounts(&counters, false), IsEmpty());
  losses_->records[HT_RING_LOW][HT_TYPE_EXEC] = 7;
  EXPECT_THAT(ReportedCounts(&counters, false), ElementsAre(7));
  losses_->records[HT_RING_LOW][HT_TYPE_EXEC] = 9;
  EXPECT_THAT(ReportedCounts(&counters, false), IsEmpty()) << "not twice within a second";
  EXPECT_THAT(ReportedCounts(&counters, true), ElementsAre(2)) << "but at the end";
}

// A worker that replaces another one must not report that one's losses again.
TEST_F(LossCountersTest, NextReaderWithSharedMemory_ReportsOnlyNewLosses) {
  auto reported = LossCounters::MakeReportedMemory();
  ASSERT_TRUE(reported.ok()) << reported.status();
  losses_->records[HT_RING_LOW][HT_TYPE_EXEC] = 7;
  {
    LossCounters first = Open(reported->get());
    EXPECT_THAT(ReportedCounts(&first, false), ElementsAre(7));
  }
  losses_->records[HT_RING_LOW][HT_TYPE_EXEC] = 8;
  LossCounters second = Open(reported->get());
  EXPECT_THAT(ReportedCounts(&second, false), ElementsAre(1));
}

}  // namespace
}  // namespace hoptrail::agent::kernel
