#include "agent/uplink/record_source.h"

#include <memory>
#include <vector>

#include "absl/algorithm/container.h"
#include <gtest/gtest.h>

#include "agent/spool/spool_testing.h"

namespace hoptrail::agent::uplink {
namespace {

class RecordSourceTest : public testing::Test {
 protected:
  void Add(int sessions) {
    for (int i = 0; i < sessions; ++i) spool_->Add(wire::TestSession());
    ASSERT_TRUE(spool_->Flush(absl::Seconds(20)));
  }
  static std::vector<uint64_t> ReadAll(RecordSource* source, const model::HostId& host) {
    std::vector<uint64_t> sequences;
    for (uint64_t after = 0;;) {
      const absl::StatusOr<v1::Batch> batch = source->Next(host, after);
      EXPECT_TRUE(batch.ok()) << batch.status();
      if (!batch.ok() || batch->records_size() == 0) return sequences;
      for (const v1::Record& record : batch->records()) sequences.push_back(record.sequence());
      after = sequences.back();
    }
  }

  spool::TestDirectory directory_;
  std::unique_ptr<spool::Spool> spool_ = spool::OpenSpool(directory_);
};

TEST_F(RecordSourceTest, RecordsOnDiskAndInMemory_ComeInOrder) {
  RecordSource source(wire::TestHost(), spool_.get());
  ASSERT_TRUE(source.Refresh().ok());
  EXPECT_EQ(source.Spooled(wire::TestHost())->first, 0u);
  Add(3);
  const spool::FullDisk full;
  Add(300);
  ASSERT_FALSE(spool_->memory().empty()) << "the disk accepted all of it: the test shows nothing";
  const std::vector<uint64_t> sequences = ReadAll(&source, wire::TestHost());
  ASSERT_EQ(sequences.size(), 303u);
  EXPECT_TRUE(absl::c_is_sorted(sequences));
  EXPECT_EQ(absl::c_adjacent_find(sequences), sequences.end()) << "a number twice";
  const auto spooled = source.Spooled(wire::TestHost());
  ASSERT_TRUE(spooled.ok()) << spooled.status();
  EXPECT_EQ(spooled->first, sequences.front());
  EXPECT_EQ(spooled->last, sequences.back());
}

TEST_F(RecordSourceTest, EarlierBoot_GoesFirstUnlessItIsSkipped) {
  Add(2);
  spool_.reset();
  spool::Spool::Options options = spool::TestOptions(directory_);
  options.host.boot.bytes[9] = 1;
  spool_ = *spool::Spool::Open(options);
  Add(1);
  RecordSource source(options.host, spool_.get());
  ASSERT_TRUE(source.Refresh().ok());
  EXPECT_EQ(source.ChooseHost().value(), wire::TestHost());
  EXPECT_EQ(ReadAll(&source, wire::TestHost()).size(), 2u);
  source.SkipHost(wire::TestHost());
  EXPECT_EQ(source.ChooseHost().value(), options.host);
  EXPECT_EQ(ReadAll(&source, options.host).size(), 1u);
}

}  // namespace
}  // namespace hoptrail::agent::uplink
