#include "agent/uplink/uplink.h"

#include <filesystem>
#include <fstream>
#include <set>

#include "absl/time/clock.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/spool/spool_testing.h"
#include "agent/uplink/fake_collector.h"
#include "agent/uplink/window.h"
#include "core/base/bounded_queue.h"
#include "core/wire/record.h"
#include "core/wire/resource_names.h"
#include "core/wire/stream_control.h"
#include "core/wire/testing.h"

namespace hoptrail::agent::uplink {
namespace {

using spool::OpenSpool;
using spool::Spool;
using spool::TestDirectory;

class UplinkTest : public testing::Test {
 protected:
  std::string Address() const { return "unix:" + directory_.path() + "/collector.sock"; }

  std::unique_ptr<Uplink> Open(std::function<absl::Duration()> heartbeat_every = {}) {
    Uplink::Options options;
    options.heartbeat_every = std::move(heartbeat_every);
    options.collector.set_address(Address());
    options.host = wire::TestHost();
    options.host_name = "gw";
    options.agent_version = "0.1.0";
    options.spool = spool_.get();
    options.on_provenance = [this](model::Provenance p) { provenance_.TryPush(std::move(p)); };
    options.on_connected = [this](uint64_t acknowledged, bool lost) {
      connected_.TryPush({acknowledged, lost});
    };
    return std::make_unique<Uplink>(std::move(options));
  }

  static std::string HelloHost() { return wire::ResourceName(wire::TestHost()); }

  bool WaitForEmptySpool() {
    for (int i = 0; i < 1000 && spool_->spooled() > 0; ++i) absl::SleepFor(absl::Milliseconds(10));
    return spool_->spooled() == 0;
  }

  TestDirectory directory_;
  std::unique_ptr<Spool> spool_ = OpenSpool(directory_);
  // The next call of on_connected: the acknowledged number, and whether the collector lost records.
  std::pair<uint64_t, bool> NextConnected() {
    std::vector<std::pair<uint64_t, bool>> all;
    connected_.PopAll(absl::Seconds(20), &all);
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? std::pair<uint64_t, bool>() : all[0];
  }

  BoundedQueue<model::Provenance> provenance_{100};
  BoundedQueue<std::pair<uint64_t, bool>> connected_{100};
};

TEST_F(UplinkTest, SpooledRecords_AreSentAndRemoved) {
  FakeCollector collector(Address());
  for (const model::Fact& fact : wire::TestFacts()) spool_->Add(fact);
  ASSERT_TRUE(spool_->Flush(absl::Seconds(60)));
  auto uplink = Open();
  ASSERT_TRUE(collector.WaitForRecords(wire::TestFacts().size()));
  EXPECT_TRUE(WaitForEmptySpool());
  const auto received = collector.received();
  for (size_t i = 0; i < received.size(); ++i) {
    EXPECT_TRUE(*wire::FactFromProto(received[i]) == wire::TestFacts()[i]);
  }
  EXPECT_EQ(collector.hellos()[0].host_name(), "gw");
  EXPECT_EQ(collector.hellos()[0].first_spooled_sequence(), received.front().sequence());
  EXPECT_EQ(collector.hellos()[0].last_spooled_sequence(), received.back().sequence());
}

TEST_F(UplinkTest, IdleStream_SendsHeartbeats) {
  FakeCollector collector(Address());
  auto uplink = Open([] { return absl::Milliseconds(1); });
  EXPECT_TRUE(collector.WaitForHeartbeats(2));
  EXPECT_EQ(collector.received().size(), 0u);
}

TEST_F(UplinkTest, Goodbye_IsSentOnlyWhenAskedFor) {
  FakeCollector collector(Address());
  auto uplink = Open();
  ASSERT_TRUE(collector.WaitForHellos(1));
  uplink.reset();
  EXPECT_EQ(collector.goodbyes(), 0);
  uplink = Open();
  spool_->Add(wire::TestSession());
  ASSERT_TRUE(collector.WaitForRecords(1));
  const model::Goodbye goodbye{model::StopCause::kProcess, "signal 15 from kill",
                               wire::TestSession().id};
  uplink->SetGoodbye(goodbye);
  // Records of before the end go before the goodbye.
  spool_->Add(wire::TestSession());
  ASSERT_TRUE(spool_->Flush(absl::Seconds(60)));
  uplink.reset();
  EXPECT_TRUE(collector.WaitForGoodbye());
  EXPECT_EQ(collector.records_before_goodbye(), 2u);
  const auto said = wire::FromProto(collector.last_goodbye());
  ASSERT_TRUE(said.ok()) << said.status();
  EXPECT_TRUE(*said == goodbye);
}

TEST_F(UplinkTest, NewRecord_IsSentAtOnce) {
  FakeCollector collector(Address());
  auto uplink = Open();
  spool_->Add(wire::TestSession());
  ASSERT_TRUE(collector.WaitForRecords(1));
  absl::Duration best = absl::InfiniteDuration();
  for (size_t i = 2; i < 12; ++i) {
    const absl::Time begin = absl::Now();
    spool_->Add(wire::TestSession());
    ASSERT_TRUE(collector.WaitForRecords(i));
    best = std::min(best, absl::Now() - begin);
  }
  EXPECT_LT(best, absl::Milliseconds(50));
  RecordProperty("best_ms", absl::ToDoubleMilliseconds(best));
}

TEST_F(UplinkTest, ManyRecords_AreBatched) {
  for (int i = 0; i < 5000; ++i) spool_->Add(wire::TestSession());
  while (spool_->spooled() < 5000) absl::SleepFor(absl::Milliseconds(10));
  FakeCollector collector(Address());
  auto uplink = Open();
  ASSERT_TRUE(collector.WaitForRecords(5000));
  EXPECT_GT(collector.largest_batch(), 100);
  EXPECT_LE(collector.largest_batch(), 1000);
  EXPECT_TRUE(WaitForEmptySpool());
}

TEST_F(UplinkTest, CollectorRestarts_StreamResumes) {
  FakeCollector collector(Address());
  auto uplink = Open();
  for (int i = 0; i < 10; ++i) spool_->Add(wire::TestSession());
  ASSERT_TRUE(collector.WaitForRecords(10));
  collector.Stop();
  for (int i = 0; i < 10; ++i) spool_->Add(wire::TestHopEnd());
  absl::SleepFor(absl::Milliseconds(300));
  collector.Start();
  ASSERT_TRUE(collector.WaitForRecords(20));
  EXPECT_TRUE(WaitForEmptySpool());
  std::set<uint64_t> sequences;
  for (const v1::Record& record : collector.received()) sequences.insert(record.sequence());
  EXPECT_EQ(sequences.size(), 20u);
  EXPECT_GE(collector.hellos().size(), 2u);
}

// The collector's store was rebuilt: the records that it had acknowledged are gone from the spool.
TEST_F(UplinkTest, CollectorThatLostItsStore_IsReported) {
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
TEST_F(UplinkTest, UnsentRecords_AreNotReportedAsLost) {
  for (int i = 0; i < 3; ++i) spool_->Add(wire::TestSession());
  spool::WaitForRecords(*spool_, 3);
  FakeCollector collector(Address());
  auto uplink = Open();
  EXPECT_EQ(NextConnected(), std::pair(uint64_t{0}, false));
}

TEST_F(UplinkTest, ChangedHostName_IsSentInTheNextHello) {
  FakeCollector collector(Address());
  auto uplink = Open();
  ASSERT_TRUE(collector.WaitForHellos(1));
  uplink->SetHostName("gateway");
  collector.Stop();
  collector.Start();
  ASSERT_TRUE(collector.WaitForHellos(2));
  EXPECT_EQ(collector.hellos()[0].host_name(), "gw");
  EXPECT_EQ(collector.hellos()[1].host_name(), "gateway");
}

TEST_F(UplinkTest, UnacknowledgedRecords_AreSentAgain) {
  FakeCollector collector(Address());
  collector.silent = true;
  auto uplink = Open();
  for (int i = 0; i < 5; ++i) spool_->Add(wire::TestSession());
  ASSERT_TRUE(collector.WaitForRecords(5));
  EXPECT_EQ(spool_->spooled(), 5u);
  collector.Stop();
  collector.silent = false;
  collector.forget = true;
  collector.Start();
  ASSERT_TRUE(collector.WaitForRecords(10));
  EXPECT_TRUE(WaitForEmptySpool());
  const auto received = collector.received();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(received[i].sequence(), received[i + 5].sequence());
}

TEST_F(UplinkTest, RecordsThatTheCollectorHas_AreSkipped) {
  for (int i = 0; i < 5; ++i) spool_->Add(wire::TestSession());
  const v1::Batch all = spool::WaitForRecords(*spool_, 5);
  FakeCollector collector(Address());
  collector.silent = true;
  {
    auto uplink = Open();
    ASSERT_TRUE(collector.WaitForRecords(5));
  }
  EXPECT_EQ(spool_->spooled(), 5u);
  auto uplink = Open();  // Welcome now says 5
  EXPECT_TRUE(WaitForEmptySpool());
  EXPECT_EQ(collector.received().size(), 5u);
}

TEST_F(UplinkTest, Refusal_IsLoggedOnceAndRetried) {
  FakeCollector collector(Address());
  collector.refusal = {grpc::StatusCode::PERMISSION_DENIED, "not your host"};
  testing::internal::CaptureStderr();
  {
    auto uplink = Open();
    ASSERT_TRUE(collector.WaitForHellos(3));
  }
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, testing::HasSubstr("PERMISSION_DENIED: not your host"));
  EXPECT_EQ(log.find("PERMISSION_DENIED"), log.rfind("PERMISSION_DENIED")) << log;
}

TEST_F(UplinkTest, Provenance_IsDelivered) {
  FakeCollector collector(Address());
  *collector.after_welcome.mutable_provenance() = wire::ToProto(wire::TestProvenance());
  auto uplink = Open();
  std::vector<model::Provenance> got;
  ASSERT_TRUE(provenance_.PopAll(absl::Seconds(20), &got));
  ASSERT_EQ(got.size(), 1u);
  EXPECT_TRUE(got[0] == wire::TestProvenance());
}

TEST_F(UplinkTest, AcknowledgementAboveWhatWasSent_DeletesNothing) {
  FakeCollector collector(Address());
  collector.silent = true;
  collector.forget = true;
  collector.after_welcome.mutable_acknowledgement()->set_sequence(INT64_MAX);
  for (int i = 0; i < 5; ++i) spool_->Add(wire::TestSession());
  spool::WaitForRecords(*spool_, 5);
  testing::internal::CaptureStderr();
  {
    auto uplink = Open();
    ASSERT_TRUE(collector.WaitForHellos(2));
  }
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              testing::HasSubstr("the collector broke the protocol"));
  EXPECT_EQ(spool_->spooled(), 5u);
}

TEST_F(UplinkTest, RecordsOfAnEarlierBoot_GoFirst) {
  for (int i = 0; i < 3; ++i) spool_->Add(wire::TestSession());
  spool::WaitForRecords(*spool_, 3);
  spool_.reset();
  Spool::Options options = spool::TestOptions(directory_);
  options.host.boot.bytes[9] = 1;
  spool_ = *Spool::Open(options);
  FakeCollector collector(Address());
  Uplink::Options up;
  up.collector.set_address(Address());
  up.host = options.host;
  up.spool = spool_.get();
  up.on_provenance = [](model::Provenance) {};
  Uplink uplink(std::move(up));
  ASSERT_TRUE(collector.WaitForRecords(3));
  ASSERT_TRUE(collector.WaitForHellos(2));
  EXPECT_THAT(collector.hellos()[0].host(), testing::HasSubstr(model::ToString(wire::TestHost())));
  EXPECT_THAT(collector.hellos()[1].host(), testing::HasSubstr(model::ToString(options.host)));
  EXPECT_TRUE(WaitForEmptySpool());
}

// The writer only appends, and may never see the damage.
TEST_F(UplinkTest, DamageSeenByTheReaderAlone_IsQuarantined) {
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
TEST_F(UplinkTest, FullDisk_RecordsAreSentFromMemory) {
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

TEST_F(UplinkTest, RecordsInMemory_AreCountedInHello) {
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

TEST_F(UplinkTest, NoFile_RecordsAreSentFromMemory) {
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
TEST_F(UplinkTest, UnreadableFile_RecordsAreSentFromMemory) {
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
TEST_F(UplinkTest, CollectorAheadOfTheSpool_NumbersContinueAboveIt) {
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

TEST_F(UplinkTest, WelcomeThatLeavesNoNumbers_IsRefused) {
  FakeCollector collector(Address());
  collector.SetAcknowledged(HelloHost(), INT64_MAX);
  spool_->Add(wire::TestSession());
  testing::internal::CaptureStderr();
  {
    auto uplink = Open();
    ASSERT_TRUE(collector.WaitForHellos(2));
  }
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              testing::HasSubstr("the collector broke the protocol"));
  EXPECT_EQ(spool_->spooled(), 1u);
}

TEST_F(UplinkTest, NoCollector_StopIsPrompt) {
  auto uplink = Open();
  absl::SleepFor(absl::Milliseconds(500));
  const absl::Time begin = absl::Now();
  uplink.reset();
  EXPECT_LT(absl::Now() - begin, absl::Seconds(3));
}

TEST(Window, UnacknowledgedBatches_AreBounded) {
  Window window;
  window.Start(100);
  EXPECT_EQ(window.last_sent(), 100u);
  for (uint64_t i = 1; i <= 10; ++i) window.Sent(100 + i * 1000, 1000, 1000);
  EXPECT_FALSE(window.HasRoom());
  window.Acknowledged(100 + 1500);
  EXPECT_TRUE(window.HasRoom());
  window.Acknowledged(INT64_MAX);
  EXPECT_TRUE(window.empty());
  window.Sent(20000, 1, Window::kMaxBytes);
  EXPECT_FALSE(window.HasRoom());
}

TEST(BackOff, RepeatedFailures_WaitUpToTenSeconds) {
  BackOff back_off;
  EXPECT_LE(back_off.Next(), absl::Milliseconds(250));
  for (int i = 0; i < 10; ++i) back_off.Next();
  EXPECT_GE(back_off.Next(), absl::Seconds(7));
  EXPECT_LE(back_off.Next(), absl::Milliseconds(12500));
  back_off.Reset();
  EXPECT_LE(back_off.Next(), absl::Milliseconds(250));
}

}  // namespace
}  // namespace hoptrail::agent::uplink
