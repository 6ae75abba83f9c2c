// Records that the disk does not accept wait in memory, and are counted where they are lost.

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/spool/spool.h"
#include "agent/spool/spool_fixture.h"
#include "agent/spool/spool_testing.h"

namespace hoptrail::agent::spool {
namespace {

using model::DegradationKind;
using testing::Each;
using testing::Gt;
using testing::HasSubstr;

class SpoolMemoryTest : public SpoolFixture {};

TEST_F(SpoolMemoryTest, FullDisk_RecordsAreReadFromMemoryAfterTheDisk) {
  Open();
  Add(3);
  const FullDisk full;
  Add(200);
  const std::vector<v1::Record> waiting = Waiting(*spool_);
  EXPECT_EQ(waiting.size(), 203u);
  EXPECT_GT(spool_->memory().size(), 0u) << "the disk accepted all of it: the test shows nothing";
  EXPECT_EQ(spool_->spooled(), 203u);
  EXPECT_EQ(spool_->last_sequence(), waiting.back().sequence());
  EXPECT_NE(Detail(degradations_, DegradationKind::kStateUnwritable), "");
  EXPECT_EQ(spool_->losses().total(), 0u);
}

TEST_F(SpoolMemoryTest, RecordsMovedBackToDisk_KeepTheirNumbers) {
  Open();
  testing::internal::CaptureStderr();
  std::vector<uint64_t> before;
  {
    const FullDisk full;
    Add(600);
    before = Sequences(Waiting(*spool_));
  }
  EXPECT_TRUE(Wait([this] { return spool_->memory().empty(); }));
  EXPECT_TRUE(
      Wait([this] { return Detail(degradations_, DegradationKind::kStateUnwritable).empty(); }));
  EXPECT_EQ(Sequences(Waiting(*spool_)), before);
  Add(1);
  EXPECT_GT(Waiting(*spool_).back().sequence(), before.back());
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("cannot write"));
  EXPECT_THAT(log, HasSubstr("can be written again"));
  Open();
  EXPECT_EQ(spool_->spooled(), 601u);
  EXPECT_EQ(Detail(degradations_, DegradationKind::kRestartedWithoutHistory), "");
}

TEST_F(SpoolMemoryTest, AcknowledgedRecords_LeaveMemory) {
  Open();
  const FullDisk full;
  Add(200);
  ASSERT_GT(spool_->memory().size(), 0u);
  spool_->Acknowledge(wire::TestHost(), spool_->last_sequence());
  EXPECT_TRUE(spool_->Flush(kWithin));
  EXPECT_TRUE(spool_->memory().empty());
}

TEST_F(SpoolMemoryTest, StateSavedOnAFullDisk_ReachesTheDiskLater) {
  Open();
  model::Session session = wire::TestSession();
  spool_->SaveSession(session);
  ASSERT_TRUE(spool_->Flush(kWithin));
  {
    const FullDisk full;
    Add(200);
    session.user = "changed";
    spool_->SaveSession(session);
    spool_->SaveMember({7, 1}, session.id);
    ASSERT_TRUE(spool_->Flush(kWithin));
  }
  ASSERT_TRUE(Wait([this] { return spool_->memory().empty(); }));
  ASSERT_TRUE(spool_->Flush(kWithin));
  Open();
  const session::SavedState state = spool_->TakeSavedState();
  ASSERT_EQ(state.sessions.size(), 1u);
  EXPECT_EQ(state.sessions[0].user, "changed");
  EXPECT_EQ(state.members.size(), 1u);
}

// The agent ends while the disk is full, before the collector has the records in memory.
TEST_F(SpoolMemoryTest, UnacknowledgedMemoryRecords_AreCountedByTheNextRun) {
  Open();
  Add(1);
  const uint64_t on_disk = spool_->last_sequence();
  uint64_t acknowledged = 0, lost = 0;
  {
    const FullDisk full;
    Add(200);
    const std::vector<uint64_t> all = Sequences(Waiting(*spool_));
    ASSERT_EQ(all.size(), 201u);
    acknowledged = all[120];
    lost = 200 - 120;
    spool_.reset();
    Open();
    EXPECT_THAT(Detail(degradations_, DegradationKind::kRestartedWithoutHistory), "") << "not yet";
    ASSERT_TRUE(spool_->OnWelcome(acknowledged, kWithin));
  }
  EXPECT_GT(acknowledged, on_disk);
  ASSERT_TRUE(Wait([this] { return LostOf(Waiting(*spool_), "memory") > 0; }));
  EXPECT_EQ(LostOf(Waiting(*spool_), "memory"), lost);
  EXPECT_NE(Detail(degradations_, DegradationKind::kRestartedWithoutHistory), "");
  // Once.
  Open();
  ASSERT_TRUE(spool_->OnWelcome(acknowledged, kWithin));
  EXPECT_EQ(spool_->losses().total(), 0u);
}

TEST_F(SpoolMemoryTest, AcknowledgedMemoryRecords_AreNotCountedByTheNextRun) {
  Open();
  const FullDisk full;
  Add(200);
  const uint64_t acknowledged = spool_->last_sequence();
  Open();
  EXPECT_GT(spool_->last_sequence(), acknowledged) << "no number twice";
  ASSERT_TRUE(spool_->OnWelcome(acknowledged, kWithin));
  EXPECT_EQ(spool_->losses().total(), 0u);
}

// Killed twice before the collector was reached.
TEST_F(SpoolMemoryTest, SeveralRunsKilled_LossesAddUp) {
  Open();
  const FullDisk full;
  size_t kept = 0;
  for (int run = 0; run < 2; ++run) {
    Add(400);
    ASSERT_GT(spool_->memory().size(), 0u);
    Open();
    kept = Waiting(*spool_).size();
  }
  ASSERT_TRUE(spool_->OnWelcome(0, kWithin));
  EXPECT_EQ(spool_->losses().total(), 800 - kept);
}

TEST_F(SpoolMemoryTest, FullMemory_DropsAndCountsRecords) {
  Open(/*memory_records=*/100);
  const FullDisk full;
  Add(500);
  EXPECT_LE(spool_->memory().size(), 100u);
  const size_t kept = Waiting(*spool_).size();
  EXPECT_EQ(spool_->losses().total() + kept, 500u);
  EXPECT_THAT(Detail(degradations_, DegradationKind::kSpoolFull), HasSubstr("memory"));
  // Once there is room, the loss itself is reported.
  spool_->Acknowledge(wire::TestHost(), spool_->last_sequence());
  ASSERT_TRUE(Wait([this] { return LostOf(Waiting(*spool_), "memory") > 0; }));
  EXPECT_EQ(LostOf(Waiting(*spool_), "memory"), 500 - kept);
}

// Another agent had these numbers: the collector skips all records up to them.
TEST_F(SpoolMemoryTest, CollectorAheadOfTheSpool_NumbersContinueAboveIt) {
  Open();
  Add(3);
  const uint64_t more = spool_->last_sequence() + 3'600'000'000;  // an hour
  ASSERT_TRUE(spool_->OnWelcome(more, kWithin));
  EXPECT_EQ(spool_->last_sequence(), more);
  spool_->Acknowledge(wire::TestHost(), more);
  Add(2);
  std::vector<v1::Record> waiting;
  ASSERT_TRUE(Wait([&] { return LostOf(waiting = Waiting(*spool_), "spool") > 0; }));
  EXPECT_EQ(LostOf(waiting, "spool"), 3u);
  EXPECT_EQ(waiting.size(), 3u) << "the two, and the loss";
  EXPECT_THAT(Sequences(waiting), Each(Gt(more)));
  EXPECT_THAT(Detail(degradations_, DegradationKind::kRestartedWithoutHistory),
              HasSubstr("has records up to"));
  // The boot time is not above numbers so high: the marks must keep them.
  const uint64_t last = spool_->last_sequence();
  spool_->Acknowledge(wire::TestHost(), last);
  ASSERT_TRUE(spool_->Flush(kWithin));
  Open();
  EXPECT_GT(spool_->last_sequence(), last - 1) << "no number twice";
  Add(1);
  EXPECT_GT(Waiting(*spool_).front().sequence(), last);
}

TEST_F(SpoolMemoryTest, FullSpool_IsADegradationUntilItHasRoom) {
  Spool::Options options = TestOptions(directory_);
  options.max_bytes = 1 << 20;
  options.degradations = &degradations_;
  auto spool = *Spool::Open(options);
  for (int i = 0; i < 12000; ++i) spool->Add(wire::TestFacts()[3]);
  EXPECT_TRUE(Wait([&] { return !Detail(degradations_, DegradationKind::kSpoolFull).empty(); }));
  spool->Acknowledge(wire::TestHost(), INT64_MAX);
  ASSERT_TRUE(spool->Flush(kWithin));
  EXPECT_EQ(Detail(degradations_, DegradationKind::kSpoolFull), "");
}

}  // namespace
}  // namespace hoptrail::agent::spool
