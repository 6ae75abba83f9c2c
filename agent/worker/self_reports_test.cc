#include "agent/worker/self_reports.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/host/process_names.h"
#include "agent/spool/spool_testing.h"
#include "core/wire/testing.h"

namespace hoptrail::agent {
namespace {

using model::Degradation;
using model::DegradationKind;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr int64_t kNsPerMinute = 60 * kNsPerSecond;

class SelfReportsTest : public testing::Test {
 protected:
  SelfReportsTest() {
    spool_ = spool::OpenSpool(directory_);  // its thread needs a clock of its own
    reports_ = std::make_unique<SelfReports>(SelfReports::Options{
        .host = wire::TestHost(),
        .coverage = {{.source = "sshd decisions", .hook = "uprobe/sshd", .tier = 2}},
        .clock = &clock_,
        .host_name = &host_name_,
        .spool = spool_.get(),
        .degradations = &degradations_,
        .heartbeat = &heartbeat_,
        .counts = [this] { return counts_; },
        .silent_servers = [this] { return silent_servers_; }});
  }

  // The degradations after another look.
  std::vector<Degradation> Find() {
    reports_->FindDegradations();
    return degradations_.Current();
  }
  std::vector<v1::Record> Records() {
    EXPECT_TRUE(spool_->Flush(absl::Seconds(20)));
    return spool::Waiting(*spool_);
  }

  const spool::TestDirectory directory_;
  FakeClock clock_;
  const HostName host_name_{"web"};
  spool::Degradations degradations_{{}, &clock_};
  HeartbeatWatch heartbeat_;
  Pipeline::Counts counts_;
  std::set<std::string> silent_servers_;
  std::unique_ptr<spool::Spool> spool_;
  std::unique_ptr<SelfReports> reports_;
};

TEST_F(SelfReportsTest, NothingIsWrong_NoDegradation) {
  for (int i = 0; i < 10; ++i) {
    clock_.AdvanceNs(kNsPerMinute);
    EXPECT_THAT(Find(), IsEmpty());
  }
}

TEST_F(SelfReportsTest, LoginServerWithoutMethod_IsInTheCoverageUntilItShowsOne) {
  reports_->FindSilentServers();
  EXPECT_THAT(Records(), IsEmpty());
  silent_servers_ = {"/usr/sbin/tinysshd"};
  reports_->FindSilentServers();
  reports_->FindSilentServers();
  std::vector<v1::Record> records = Records();
  ASSERT_EQ(records.size(), 1u) << "reported once";
  EXPECT_THAT(records[0].coverage().coverage().sources(0).misses(),
              ElementsAre("method and key of logins through /usr/sbin/tinysshd"));
  silent_servers_.clear();
  reports_->FindSilentServers();
  records = Records();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_THAT(records[1].coverage().coverage().sources(0).misses(), IsEmpty());
}

TEST_F(SelfReportsTest, ClockSetForward_HostIsDegradedForAnHour) {
  clock_.StepWallNs(90 * kNsPerSecond);
  const int64_t since = clock_.WallNs();
  const Degradation stepped = {DegradationKind::kClockStepped,
                               "the wall clock was set forward by 1m30s", since};
  EXPECT_THAT(Find(), ElementsAre(stepped));
  clock_.AdvanceNs(60 * kNsPerMinute - 1);
  EXPECT_THAT(Find(), ElementsAre(stepped));
  clock_.AdvanceNs(1);
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(SelfReportsTest, ClockSetBack_HostIsDegraded) {
  clock_.StepWallNs(-86'400 * kNsPerSecond);
  EXPECT_THAT(Find(),
              ElementsAre(Degradation{DegradationKind::kClockStepped,
                                      "the wall clock was set back by 24h", clock_.WallNs()}));
}

TEST_F(SelfReportsTest, SmallCorrectionOfTheClock_NoDegradation) {
  clock_.StepWallNs(59 * kNsPerSecond);
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(SelfReportsTest, LossesOfKernelAndSpool_HostIsDegradedForTenMinutesAfterTheLast) {
  const int64_t since = clock_.WallNs();
  counts_.lost = 3;
  EXPECT_THAT(Find(), ElementsAre(Degradation{DegradationKind::kLosingRecords,
                                              "3 records lost since the agent started", since}));
  clock_.AdvanceNs(9 * kNsPerMinute);
  spool_->losses().Add("queue", "exec", 4, clock_.WallNs());
  const Degradation losing = {DegradationKind::kLosingRecords,
                              "7 records lost since the agent started", since};
  EXPECT_THAT(Find(), ElementsAre(losing));
  clock_.AdvanceNs(10 * kNsPerMinute - 1);
  EXPECT_THAT(Find(), ElementsAre(losing));
  clock_.AdvanceNs(1);
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(SelfReportsTest, HeartbeatsMissing_HostIsDegradedUntilTheyComeAgain) {
  decode::Event event;
  event.header.command = kLoaderName;
  event.body = decode::Fork{};
  event.header.boot_ns = clock_.BootNs();
  heartbeat_.Handle(event);
  for (int second = 0; second < 15; ++second) {
    clock_.AdvanceNs(kNsPerSecond);
    Find();
  }
  ASSERT_EQ(degradations_.Current().size(), 1u);
  EXPECT_EQ(degradations_.Current()[0].kind, DegradationKind::kKernelDetached);
  const std::vector<v1::Record> records = Records();
  ASSERT_EQ(records.size(), 1u) << "reported once";
  EXPECT_EQ(records[0].interference().kind(), v1::BLIND);
  event.header.boot_ns = clock_.BootNs();
  heartbeat_.Handle(event);
  EXPECT_THAT(Find(), IsEmpty());
}

TEST_F(SelfReportsTest, DegradationBegins_HealthIsReportedOnceAndAtMostOnceASecond) {
  reports_->ReportHealth();
  clock_.StepWallNs(90 * kNsPerSecond);
  Find();
  reports_->ReportDegradations();
  EXPECT_EQ(Records().size(), 1u) << "too soon";
  clock_.AdvanceNs(kNsPerSecond);
  reports_->ReportDegradations();
  reports_->ReportDegradations();
  const std::vector<v1::Record> records = Records();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].health().degradations_size(), 0);
  ASSERT_EQ(records[1].health().degradations_size(), 1);
  EXPECT_EQ(records[1].health().degradations(0).kind(), v1::CLOCK_STEPPED);
}

}  // namespace
}  // namespace hoptrail::agent
