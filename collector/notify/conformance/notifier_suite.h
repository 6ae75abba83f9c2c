#ifndef HOPTRAIL_COLLECTOR_NOTIFY_CONFORMANCE_NOTIFIER_SUITE_H_
#define HOPTRAIL_COLLECTOR_NOTIFY_CONFORMANCE_NOTIFIER_SUITE_H_

// The tests that every Notifier must pass. An implementation's test includes this header, writes a
// NotifierHarness for its receiver, and instantiates the suite with a function that makes one.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/notify/notifier.h"
#include "collector/notify/notify_fixture.h"
#include "core/base/clock.h"
#include "core/base/steady_time.h"

namespace hoptrail::collector::notify {

// The receiver, and how a notifier is made for it.
class NotifierHarness {
 public:
  virtual ~NotifierHarness() = default;
  // As in a new process: only the store remembers anything. The notifier waits by `clock`.
  virtual absl::StatusOr<std::unique_ptr<Notifier>> Make(store::Store* store,
                                                         const Clock* clock) = 0;
  // While the receiver refuses, nothing arrives: a server fails, or a disk is full.
  virtual void Refuse(bool refuse) = 0;
  // Titles of the incidents that have arrived, in order: at the receiver, and at the other one that
  // OtherConfig() names.
  virtual std::vector<std::string> Arrived() = 0;
  virtual std::vector<std::string> ArrivedAtOther() = 0;
  virtual v1::CollectorConfig OtherConfig() = 0;
  virtual v1::CollectorConfig BadConfig() = 0;
};

// `directory` is an empty directory.
using HarnessMaker = std::function<std::unique_ptr<NotifierHarness>(const std::string& directory)>;

class NotifierSuite : public StoreForNotifiers, public testing::WithParamInterface<HarnessMaker> {
 protected:
  void SetUp() override {
    StoreForNotifiers::SetUp();
    harness_ = GetParam()(directory_);
    Restart();
  }
  void TearDown() override {
    notifier_.reset();
    harness_.reset();
    StoreForNotifiers::TearDown();
  }
  void Restart() {
    notifier_.reset();
    auto notifier = harness_->Make(store_.get(), &clock_);
    ASSERT_TRUE(notifier.ok()) << notifier.status();
    notifier_ = *std::move(notifier);
  }
  void ChangeIncident(uint8_t number, const std::string& title) {
    model::Incident incident = Incident(number);
    incident.title = title;
    Write(incident);
  }
  // Delivers what is due while the clock advances by `seconds`.
  void DeliverFor(int seconds) {
    for (int i = 0; i <= seconds; ++i) {
      for (int steps = 0; steps < 100; ++steps) {
        const absl::StatusOr<bool> delivered = notifier_->Deliver();
        if (!delivered.ok() || !*delivered) break;
      }
      clock_.AdvanceNs(kSecond);
    }
  }

  std::unique_ptr<NotifierHarness> harness_;
  std::unique_ptr<Notifier> notifier_;
};

TEST_P(NotifierSuite, Incidents_ArriveOnceAndInOrder) {
  ChangeIncident(1, "one");
  ChangeIncident(2, "two");
  DeliverFor(3);
  EXPECT_THAT(harness_->Arrived(), testing::ElementsAre("one", "two"));
}

TEST_P(NotifierSuite, Restart_LosesAndRepeatsNothing) {
  ChangeIncident(1, "one");
  DeliverFor(1);
  Restart();
  DeliverFor(1);
  ChangeIncident(2, "two");
  Restart();
  DeliverFor(1);
  EXPECT_THAT(harness_->Arrived(), testing::ElementsAre("one", "two"));
}

TEST_P(NotifierSuite, ReceiverThatRefuses_GetsEverythingLater) {
  harness_->Refuse(true);
  ChangeIncident(1, "one");
  DeliverFor(5);
  ChangeIncident(2, "two");
  DeliverFor(5);
  EXPECT_THAT(harness_->Arrived(), testing::IsEmpty());
  harness_->Refuse(false);
  DeliverFor(3600);
  EXPECT_THAT(harness_->Arrived(), testing::UnorderedElementsAre("one", "two"));
}

TEST_P(NotifierSuite, RestartWhileTheReceiverRefuses_KeepsWhatWaits) {
  harness_->Refuse(true);
  ChangeIncident(1, "one");
  DeliverFor(5);
  Restart();
  harness_->Refuse(false);
  DeliverFor(3600);
  EXPECT_THAT(harness_->Arrived(), testing::ElementsAre("one"));
}

TEST_P(NotifierSuite, NewConfiguration_AppliesFromTheNextDelivery) {
  ChangeIncident(1, "one");
  DeliverFor(1);
  ASSERT_TRUE(notifier_->Reconfigure(harness_->OtherConfig()).ok());
  ChangeIncident(2, "two");
  DeliverFor(3);
  EXPECT_THAT(harness_->Arrived(), testing::ElementsAre("one"));
  EXPECT_THAT(harness_->ArrivedAtOther(), testing::ElementsAre("two"));
}

TEST_P(NotifierSuite, BadConfiguration_ChangesNothing) {
  EXPECT_FALSE(notifier_->Reconfigure(harness_->BadConfig()).ok());
  notifier_->Reopen();
  ChangeIncident(1, "one");
  DeliverFor(1);
  EXPECT_THAT(harness_->Arrived(), testing::ElementsAre("one"));
}

TEST_P(NotifierSuite, Thread_DeliversAndStopsAtOnce) {
  notifier_->Start();
  ChangeIncident(1, "one");
  const SteadyTime deadline = SteadyTime::Now() + absl::Seconds(60);
  // Until the delivery is also recorded: a notifier that is stopped before repeats it.
  while ((harness_->Arrived().empty() || Waiting() != 0) && SteadyTime::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(10));
  }
  EXPECT_THAT(harness_->Arrived(), testing::ElementsAre("one"));
  const SteadyTime before = SteadyTime::Now();
  notifier_->Stop();
  EXPECT_LT(SteadyTime::Now() - before, absl::Seconds(30));
  ChangeIncident(2, "two");
  EXPECT_THAT(harness_->Arrived(), testing::ElementsAre("one")) << "nothing after its stop";
  Restart();
  DeliverFor(3);
  EXPECT_THAT(harness_->Arrived(), testing::ElementsAre("one", "two"));
}

}  // namespace hoptrail::collector::notify

#endif  // HOPTRAIL_COLLECTOR_NOTIFY_CONFORMANCE_NOTIFIER_SUITE_H_
