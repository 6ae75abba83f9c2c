#include "agent/uplink/uplink.h"

#include <set>

#include "absl/time/clock.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/uplink/uplink_fixture.h"
#include "core/wire/record.h"
#include "core/wire/stream_control.h"
#include "core/wire/testing.h"

namespace hoptrail::agent::uplink {
namespace {

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

TEST_F(UplinkTest, Hello_DescribesTheRun) {
  FakeCollector collector(Address());
  auto uplink = Open();
  ASSERT_TRUE(collector.WaitForHellos(1));
  EXPECT_EQ(collector.hellos()[0].previous_end(), v1::CUT_SHORT);
  const uint64_t run = collector.hellos()[0].run_first_sequence();
  spool_->Add(wire::TestSession());
  ASSERT_TRUE(collector.WaitForRecords(1));
  EXPECT_EQ(collector.received()[0].sequence(), run);
  uplink.reset();
  spool_.reset();
  spool_ = OpenSpool(directory_);
  uplink = Open();
  ASSERT_TRUE(collector.WaitForHellos(2));
  EXPECT_GT(collector.hellos()[1].run_first_sequence(), run) << "another run";
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

}  // namespace
}  // namespace hoptrail::agent::uplink
