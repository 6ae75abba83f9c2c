#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "agent/spool/spool.h"
#include "agent/spool/spool_testing.h"

namespace hoptrail::agent::spool {
namespace {

std::vector<std::string> FilesWith(const TestDirectory& directory, const std::string& part) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
    const std::string name = entry.path().filename();
    if (name.find(part) != std::string::npos) found.push_back(name);
  }
  return found;
}

TEST(SpoolDamage, GarbageFile_IsQuarantinedAndReported) {
  const TestDirectory directory;
  const std::string garbage(100'000, 'x');
  std::ofstream(directory.path() + "/spool.db") << garbage;
  auto spool = OpenSpool(directory);
  const v1::Batch batch = WaitForRecords(*spool, 1);
  EXPECT_EQ(batch.records(0).loss().loss().where(), "spool");
  EXPECT_EQ(batch.records(0).loss().loss().type(), "damaged");
  const auto kept = FilesWith(directory, "spool.db.damaged-");
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(std::filesystem::file_size(directory.path() + "/" + kept[0]), garbage.size());
  spool->Add(wire::TestSession());
  WaitForRecords(*spool, 2);
}

TEST(SpoolDamage, OverwrittenPages_AreQuarantined) {
  const TestDirectory directory;
  {
    auto spool = OpenSpool(directory);
    for (int i = 0; i < 500; ++i) spool->Add(wire::TestSession());
    WaitForRecords(*spool, 500);
  }
  {
    std::fstream file(directory.path() + "/spool.db", std::ios::in | std::ios::out);
    file.seekp(4096 * 3);
    file << std::string(4096 * 20, '\xAB');
  }
  auto spool = OpenSpool(directory);
  EXPECT_EQ(FilesWith(directory, "spool.db.damaged-").size(), 1u);
  WaitForRecords(*spool, 1);
}

// A crash leaves the files as they are while the spool is open.
TEST(SpoolDamage, Crash_KeepsWhatWasCommitted) {
  const TestDirectory directory, copy;
  auto spool = OpenSpool(directory);
  spool->SaveSession(wire::TestSession());
  for (int i = 0; i < 100; ++i) spool->Add(wire::TestSession());
  const v1::Batch before = WaitForRecords(*spool, 100);
  for (const char* name : {"/spool.db", "/spool.db-wal"}) {
    std::filesystem::copy(directory.path() + name, copy.path() + name);
  }
  auto after = OpenSpool(copy);
  EXPECT_EQ(after->TakeSavedState().sessions.size(), 1u);
  const v1::Batch found = WaitForRecords(*after, 100);
  EXPECT_EQ(found.SerializeAsString(), before.SerializeAsString());
  EXPECT_GE(after->last_sequence(), spool->last_sequence());
}

TEST(SpoolDamage, CrashDuringAWrite_KeepsTheRecordsBeforeIt) {
  const TestDirectory directory, copy;
  auto spool = OpenSpool(directory);
  for (int i = 0; i < 50; ++i) spool->Add(wire::TestSession());
  WaitForRecords(*spool, 50);
  for (int i = 0; i < 50; ++i) spool->Add(wire::TestSession());
  WaitForRecords(*spool, 100);
  for (const char* name : {"/spool.db", "/spool.db-wal"}) {
    std::filesystem::copy(directory.path() + name, copy.path() + name);
  }
  const std::string log = copy.path() + "/spool.db-wal";
  std::filesystem::resize_file(log, std::filesystem::file_size(log) - 1000);
  auto after = OpenSpool(copy);
  EXPECT_TRUE(FilesWith(copy, "damaged").empty());
  EXPECT_GE(after->spooled(), 50u);
  EXPECT_LT(after->spooled(), 100u);
}

// Damage that shows only once the file is in use.
TEST(SpoolDamage, DamageWhileRunning_IsQuarantined) {
  const TestDirectory directory;
  Spool::Options options = TestOptions(directory);
  auto spool = *Spool::Open(options);
  for (int i = 0; i < 12000; ++i) spool->Add(wire::TestSession());
  ASSERT_TRUE(spool->Flush(absl::Seconds(20)));
  {
    std::fstream file(directory.path() + "/spool.db", std::ios::in | std::ios::out);
    file.seekp(4096 * 10);
    file << std::string(4096 * 500, '\xAB');
  }
  const uint64_t generation = spool->reading().generation;
  for (int i = 0; i < 100 && spool->reading().generation == generation; ++i) {
    spool->Acknowledge(wire::TestHost(), INT64_MAX);
    spool->Add(wire::TestSession());
    spool->Flush(absl::Milliseconds(100));
  }
  EXPECT_GT(spool->reading().generation, generation);
  EXPECT_FALSE(FilesWith(directory, "spool.db.damaged-").empty());
  ASSERT_TRUE(spool->Flush(absl::Seconds(5)));
  spool->Add(wire::TestHopEnd());
  ASSERT_TRUE(spool->Flush(absl::Seconds(5)));
  EXPECT_GT(spool->spooled(), 0u);
}

}  // namespace
}  // namespace hoptrail::agent::spool
