// The spool's file is missing, removed, or cannot be read until later.

#include <filesystem>
#include <fstream>
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
using testing::SizeIs;

class SpoolFileTest : public SpoolFixture {};

TEST_F(SpoolFileTest, NoFile_RecordsStayInMemory) {
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
TEST_F(SpoolFileTest, EmptyFile_IsNoMissingHistory) {
  std::ofstream(TestOptions(directory_).path).flush();
  Open();
  EXPECT_EQ(Detail(degradations_, DegradationKind::kRestartedWithoutHistory), "");
  EXPECT_EQ(spool_->losses().total(), 0u);
}

// The file appears later, with records whose numbers are below those that this run has sent.
TEST_F(SpoolFileTest, FileReadableLater_LosesRecordsThatTheCollectorWouldSkip) {
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
  const std::vector<uint64_t> waiting = Sequences(Waiting(*spool_));
  EXPECT_THAT(waiting, SizeIs(4)) << "the three, and the loss";
  EXPECT_THAT(waiting, Each(Gt(older)));
  Open();
  EXPECT_TRUE(spool_->TakeSavedState().sessions.empty()) << "this run has saved none";
}

TEST_F(SpoolFileTest, RemovedFile_IsCreatedAgainWithItsContents) {
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

TEST_F(SpoolFileTest, RemovedDirectory_LosesNothingOfThisRun) {
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

TEST_F(SpoolFileTest, FileGoneAtStart_IsReported) {
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

}  // namespace
}  // namespace hoptrail::agent::spool
