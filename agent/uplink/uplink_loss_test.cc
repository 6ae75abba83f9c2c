// The spool cannot be written or read, or the collector and the spool disagree: what is sent all
// the same.

#include <filesystem>
#include <fstream>
#include <memory>

#include "absl/time/clock.h"
#include <gtest/gtest.h>

#include "agent/uplink/uplink_fixture.h"
#include "core/wire/testing.h"

namespace hoptrail::agent::uplink {
namespace {

class UplinkLossTest : public UplinkTest {};

// The writer only appends, and may never see the damage.
TEST_F(UplinkLossTest, DamageSeenByTheReaderAlone_IsQuarantined) {
  for (int i = 0; i < 12000; ++i) spool_->Add(wire::TestSession());
  ASSERT_TRUE(spool_->Flush(absl::Seconds(60)));
  {
    std::fstream file(spool_->path(), std::ios::in | std::ios::out);
    file.seekp(4096 * 10);
    file << std::string(4096 * 500, '\xAB');
  }
  const uint64_t generation = spool_->reading().generation;
  FakeCollector collector(Address());
  auto uplink = Open();
  for (int i = 0; i < 1000 && spool_->reading().generation == generation; ++i) {
    absl::SleepFor(absl::Milliseconds(10));
  }
  ASSERT_GT(spool_->reading().generation, generation);
  spool_->Add(wire::TestHopEnd());
  EXPECT_TRUE(WaitForEmptySpool());
  // Losses are reported once a second.
  bool reported = false;
  for (int i = 0; i < 1000 && !reported; ++i) {
    absl::SleepFor(absl::Milliseconds(10));
    for (const v1::Record& record : collector.received()) {
      reported = reported || record.loss().loss().type() == "damaged";
    }
  }
  EXPECT_TRUE(reported);
}

// Nothing arrives twice or out of order, whether disk or memory holds it at the moment.
TEST_F(UplinkLossTest, FullDisk_RecordsAreSentFromMemory) {
  FakeCollector collector(Address());
  auto uplink = Open();
  for (int i = 0; i < 5; ++i) spool_->Add(wire::TestSession());
  ASSERT_TRUE(collector.WaitForRecords(5));
  {
    const spool::FullDisk full;
    for (int i = 0; i < 300; ++i) spool_->Add(wire::TestHopEnd());
    ASSERT_TRUE(collector.WaitForRecords(305));
    // The collector is away for a while, and the disk comes back meanwhile.
    collector.Stop();
    for (int i = 0; i < 300; ++i) spool_->Add(wire::TestSession());
    ASSERT_TRUE(spool_->Flush(absl::Seconds(20)));
    EXPECT_FALSE(spool_->memory().empty()) << "the disk accepted them: the test shows nothing";
  }
  collector.Start();
  ASSERT_TRUE(collector.WaitForRecords(605));
  EXPECT_TRUE(WaitForEmptySpool());
  uint64_t last = 0;
  for (const v1::Record& record : collector.received()) {
    EXPECT_GT(record.sequence(), last);
    last = record.sequence();
  }
  EXPECT_EQ(collector.received().size(), 605u);
}

TEST_F(UplinkLossTest, RecordsInMemory_AreCountedInHello) {
  const spool::FullDisk full;
  for (int i = 0; i < 300; ++i) spool_->Add(wire::TestSession());
  ASSERT_TRUE(spool_->Flush(absl::Seconds(20)));
  ASSERT_FALSE(spool_->memory().empty());
  FakeCollector collector(Address());
  auto uplink = Open();
  ASSERT_TRUE(collector.WaitForRecords(300));
  EXPECT_EQ(collector.hellos()[0].first_spooled_sequence(), collector.received()[0].sequence());
  EXPECT_EQ(collector.hellos()[0].last_spooled_sequence(), collector.received()[299].sequence());
}

TEST_F(UplinkLossTest, NoFile_RecordsAreSentFromMemory) {
  Spool::Options options = spool::TestOptions(directory_);
  options.path = "/proc/nowhere/spool.db";
  spool_ = *Spool::Open(options);
  FakeCollector collector(Address());
  auto uplink = Open();
  for (int i = 0; i < 5; ++i) spool_->Add(wire::TestSession());
  EXPECT_TRUE(collector.WaitForRecords(5));
  EXPECT_TRUE(WaitForEmptySpool());
}

// The writer's connection works, but no reader can open the file.
TEST_F(UplinkLossTest, UnreadableFile_RecordsAreSentFromMemory) {
  for (int i = 0; i < 5; ++i) spool_->Add(wire::TestSession());
  ASSERT_TRUE(spool_->Flush(absl::Seconds(20)));
  std::filesystem::remove(spool_->path());
  std::filesystem::create_directory(spool_->path());
  FakeCollector collector(Address());
  auto uplink = Open();
  ASSERT_TRUE(collector.WaitForRecords(5));
  spool_->Add(wire::TestSession());
  EXPECT_TRUE(collector.WaitForRecords(6));
  EXPECT_TRUE(WaitForEmptySpool());
  EXPECT_EQ(spool_->losses().total(), 0u);
}

// Another agent used these numbers, or this one has lost its state.
TEST_F(UplinkLossTest, CollectorAheadOfTheSpool_NumbersContinueAboveIt) {
  FakeCollector collector(Address());
  for (int i = 0; i < 5; ++i) spool_->Add(wire::TestSession());
  ASSERT_TRUE(spool_->Flush(absl::Seconds(20)));
  const uint64_t more = spool_->last_sequence() + 1000;
  collector.SetAcknowledged(HelloHost(), more);
  auto uplink = Open();
  ASSERT_TRUE(WaitForEmptySpool());
  spool_->Add(wire::TestHopEnd());
  ASSERT_TRUE(collector.WaitForRecords(2)) << "the hop's end, and the loss of the five";
  uint64_t lost = 0;
  for (const v1::Record& record : collector.received()) {
    EXPECT_GT(record.sequence(), more);
    lost += record.loss().loss().count();
  }
  EXPECT_EQ(lost, 5u);
}

// The collector's store was rebuilt: the records that it had acknowledged are gone from the spool.
TEST_F(UplinkLossTest, CollectorThatLostItsStore_IsReported) {
  FakeCollector collector(Address());
  auto uplink = Open();
  EXPECT_EQ(NextConnected(), std::pair(uint64_t{0}, false)) << "nothing was ever sent";
  for (int i = 0; i < 3; ++i) spool_->Add(wire::TestSession());
  ASSERT_TRUE(collector.WaitForRecords(3));
  ASSERT_TRUE(WaitForEmptySpool());
  collector.Stop();
  collector.Start();
  EXPECT_EQ(NextConnected(), std::pair(spool_->last_sequence(), false));
  collector.Stop();
  collector.forget = true;
  collector.Start();
  EXPECT_EQ(NextConnected(), std::pair(uint64_t{0}, true));
  collector.Stop();
  collector.Start();
  EXPECT_EQ(NextConnected(), std::pair(uint64_t{0}, false)) << "reported once";
}

// The collector has acknowledged none of the records, and all of them still wait.
TEST_F(UplinkLossTest, UnsentRecords_AreNotReportedAsLost) {
  for (int i = 0; i < 3; ++i) spool_->Add(wire::TestSession());
  spool::WaitForRecords(*spool_, 3);
  FakeCollector collector(Address());
  auto uplink = Open();
  EXPECT_EQ(NextConnected(), std::pair(uint64_t{0}, false));
}

}  // namespace
}  // namespace hoptrail::agent::uplink
