// Records that the disk does not accept wait in memory, and are counted where they are lost.

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/spool/spool.h"
#include "agent/spool/spool_testing.h"

namespace hoptrail::agent::spool {
namespace {

using model::DegradationKind;
using testing::HasSubstr;

constexpr absl::Duration kWithin = absl::Seconds(20);

// The detail; empty where there is none of that kind.
std::string Detail(Degradations& degradations, DegradationKind kind) {
  for (const model::Degradation& one : degradations.Current()) {
    if (one.kind == kind) return one.detail.empty() ? "it is" : one.detail;
  }
  return "";
}

uint64_t LostOf(const std::vector<v1::Record>& records, const std::string& where) {
  uint64_t lost = 0;
  for (const v1::Record& record : records) {
    if (record.loss().loss().where() == where) lost += record.loss().loss().count();
  }
  return lost;
}

std::vector<uint64_t> Sequences(const std::vector<v1::Record>& records) {
  std::vector<uint64_t> sequences;
  for (const v1::Record& record : records) sequences.push_back(record.sequence());
  return sequences;
}

class SpoolMemoryTest : public testing::Test {
 protected:
  void Open(size_t memory_records = 16384) {
    spool_.reset();
    Spool::Options options = TestOptions(directory_);
    options.degradations = &degradations_;
    options.memory_records = memory_records;
    auto spool = Spool::Open(options);
    ASSERT_TRUE(spool.ok()) << spool.status();
    spool_ = *std::move(spool);
  }
  void Add(int sessions) {
    for (int i = 0; i < sessions; ++i) spool_->Add(wire::TestSession());
    ASSERT_TRUE(spool_->Flush(kWithin));
  }
  template <typename Condition>
  static bool Wait(Condition condition) {
    for (int i = 0; i < 1500 && !condition(); ++i) absl::SleepFor(absl::Milliseconds(10));
    return condition();
  }

  TestDirectory directory_;
  Degradations degradations_;
  std::unique_ptr<Spool> spool_;
};

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

TEST_F(SpoolMemoryTest, NoFile_RecordsStayInMemory) {
  Spool::Options options = TestOptions(directory_);
  options.path = "/proc/nowhere/spool.db";
  options.degradations = &degradations_;
  auto spool = Spool::Open(options);
  ASSERT_TRUE(spool.ok()) << spool.status();
  spool_ = *std::move(spool);
  Add(5);
  spool_->SaveSession(wire::TestSession());
  EXPECT_TRUE(spool_->Flush(kWithin));
  EXPECT_EQ(Waiting(*spool_).size(), 5u);
  EXPECT_THAT(Detail(degradations_, DegradationKind::kStateUnwritable), HasSubstr("/proc/nowhere"));
  EXPECT_EQ(Detail(degradations_, DegradationKind::kRestartedWithoutHistory), "")
      << "none is missed";
}

// A full disk leaves an empty file where one was to be created.
TEST_F(SpoolMemoryTest, EmptyFile_IsNoMissingHistory) {
  std::ofstream(TestOptions(directory_).path).flush();
  Open();
  EXPECT_EQ(Detail(degradations_, DegradationKind::kRestartedWithoutHistory), "");
  EXPECT_EQ(spool_->losses().total(), 0u);
}

// The file appears later, with records whose numbers are below those that this run has sent.
TEST_F(SpoolMemoryTest, FileReadableLater_LosesRecordsThatTheCollectorWouldSkip) {
  Open();
  Add(5);
  const uint64_t older = spool_->last_sequence();
  spool_->SaveSession(wire::TestSession());
  ASSERT_TRUE(spool_->Flush(kWithin));
  spool_.reset();
  const std::string path = TestOptions(directory_).path;
  std::filesystem::rename(path, path + ".away");
  std::filesystem::create_directory(path);
  Open();
  EXPECT_TRUE(spool_->TakeSavedState().sessions.empty());
  EXPECT_THAT(Detail(degradations_, DegradationKind::kRestartedWithoutHistory),
              HasSubstr("cannot be read"));
  ASSERT_TRUE(spool_->OnWelcome(older - 2, kWithin));
  Add(3);
  ASSERT_EQ(Waiting(*spool_).size(), 3u);
  std::filesystem::remove(path);
  std::filesystem::rename(path + ".away", path);
  ASSERT_TRUE(Wait([this] { return spool_->memory().empty(); }));
  ASSERT_TRUE(Wait([this] { return LostOf(Waiting(*spool_), "spool") > 0; }));
  EXPECT_EQ(LostOf(Waiting(*spool_), "spool"), 2u) << "those that the collector lacks";
  for (const v1::Record& record : Waiting(*spool_)) EXPECT_GT(record.sequence(), older);
  Open();
  EXPECT_TRUE(spool_->TakeSavedState().sessions.empty()) << "this run has saved none";
}

TEST_F(SpoolMemoryTest, RemovedFile_IsCreatedAgainWithItsContents) {
  Open();
  spool_->SaveSession(wire::TestSession());
  Add(5);
  const std::vector<uint64_t> before = Sequences(Waiting(*spool_));
  const std::string path = spool_->path();
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path + suffix);
  absl::SleepFor(absl::Milliseconds(1100));  // it is looked for once a second
  Add(1);
  ASSERT_TRUE(std::filesystem::exists(path));
  std::vector<uint64_t> after = Sequences(Waiting(*spool_));
  ASSERT_EQ(after.size(), 6u);
  after.pop_back();
  EXPECT_EQ(after, before);
  Open();
  EXPECT_EQ(spool_->spooled(), 6u);
  EXPECT_EQ(spool_->TakeSavedState().sessions.size(), 1u);
  EXPECT_EQ(spool_->losses().total(), 0u);
}

TEST_F(SpoolMemoryTest, RemovedDirectory_LosesNothingOfThisRun) {
  Open();
  Add(5);
  auto reader = SpoolReader::Open(spool_->path());
  std::filesystem::remove_all(directory_.path());
  absl::SleepFor(absl::Milliseconds(1100));
  Add(1);
  EXPECT_THAT(Detail(degradations_, DegradationKind::kStateUnwritable), HasSubstr("was removed"));
  EXPECT_EQ(reader->ReadAfter(wire::TestHost(), 0, 1 << 20)->records_size(), 6);
  // A reader that has to open it again cannot: then memory has the records.
  spool_->ReportUnreadable(spool_->reading().generation);
  ASSERT_TRUE(Wait([this] { return spool_->memory().size() == 6; }));
  EXPECT_EQ(Waiting(*spool_).size(), 6u);
  EXPECT_EQ(spool_->losses().total(), 0u);
  // It comes back.
  std::filesystem::create_directory(directory_.path());
  ASSERT_TRUE(Wait([this] { return spool_->memory().empty(); }));
  EXPECT_EQ(Waiting(*spool_).size(), 6u);
}

TEST_F(SpoolMemoryTest, FileGoneAtStart_IsReported) {
  Open();
  Add(5);
  const std::string path = spool_->path();
  spool_.reset();
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path + suffix);
  Open();
  EXPECT_THAT(Detail(degradations_, DegradationKind::kRestartedWithoutHistory),
              HasSubstr("is gone"));
  EXPECT_EQ(spool_->losses().total(), 1u);
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
  for (const v1::Record& record : waiting) EXPECT_GT(record.sequence(), more);
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
