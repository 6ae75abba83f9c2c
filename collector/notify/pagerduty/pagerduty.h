#ifndef HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_PAGERDUTY_H_
#define HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_PAGERDUTY_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "collector/api/assemble.h"
#include "collector/notify/notifier.h"
#include "collector/notify/pagerduty/answer.h"
#include "collector/notify/pagerduty/delivery_schedule.h"
#include "collector/notify/pagerduty/event.h"
#include "collector/notify/pagerduty/http_client.h"
#include "collector/store/store.h"
#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/base/trouble_log.h"

namespace hoptrail::collector::notify {

inline constexpr char kDefaultEndpoint[] = "https://events.pagerduty.com/v2/enqueue";

// Sends the items of the store's outbox to PagerDuty's Events API v2, in order for each incident,
// on a thread of its own: a slow or dead pager delays nothing else, and after a restart it goes on
// where it was. Only the API's own acceptance completes an event (EvaluateAnswer). Any other answer
// means another attempt, ever less often and without end (DeliverySchedule), and shows on the
// incident.
class PagerDuty final : public Notifier {
 public:
  struct Options {
    std::string endpoint = kDefaultEndpoint;
    std::string routing_key;  // a secret: never logged or stored
    std::string client_url;
    DeliverySchedule::Options schedule;
    const Clock* clock = &Clock::System();
  };

  // `store` is not owned. INVALID_ARGUMENT for an impossible endpoint or key.
  static absl::StatusOr<std::unique_ptr<PagerDuty>> Create(store::Store* store,
                                                           api::PathSource path_of,
                                                           const Options& options);
  ~PagerDuty() override;

  void Start() override;
  void Stop() override;
  // Uses `pagerduty` of the configuration, and tries what waits at once.
  absl::Status Reconfigure(const v1::CollectorConfig& config) override;
  absl::StatusOr<bool> Deliver() override { return SendOne(); }

  // The same with options that were read before. INVALID_ARGUMENT as for Create. Thread-safe.
  absl::Status Reconfigure(const Options& options);

  // Sends one due item. False: none was due. For the thread, and for tests.
  absl::StatusOr<bool> SendOne();

 private:
  PagerDuty(store::Store* store, std::unique_ptr<store::Outbox> outbox, api::PathSource path_of,
            const Options& options);

  static absl::Status Check(const Options& options);
  void Run();
  void TakeOptions();
  absl::StatusOr<std::optional<store::Outbox::Item>> NextDue();
  bool IsUnrecorded(const store::Outbox::Item& item) const;
  absl::Status RecordAccepted();
  // Leaves out what cannot be read. NOT_FOUND: the incident no longer exists.
  absl::StatusOr<EventInput> Gather(const store::Outbox::Item& item);
  absl::Status HandleVerdict(const store::Outbox::Item& item, const Verdict& verdict);

  // An item that was accepted, and that the outbox could not yet record, since its disk is full.
  struct Unrecorded {
    store::Outbox::Item item;
    int64_t wall_ns = 0;
    std::string note;
  };

  store::Store* const store_;
  const std::unique_ptr<store::Outbox> outbox_;
  const api::PathSource path_of_;
  const Clock* const clock_;
  const DeliverySchedule::Options schedule_options_;
  Options options_;
  HttpClient http_;
  std::optional<DeliverySchedule> schedule_;  // always there
  Mutex mutex_;
  std::optional<Options> next_options_ ABSL_GUARDED_BY(mutex_);
  std::vector<Unrecorded> unrecorded_;
  TroubleLog trouble_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

// Options from the configuration, with the routing key read from its file.
absl::StatusOr<PagerDuty::Options> PagerDutyOptions(const v1::PagerDutyConfig& config);

// The first line of the file, which must be the integration's 32 letters and digits. Errors never
// show what was read.
absl::StatusOr<std::string> ReadRoutingKey(const std::string& path);

}  // namespace hoptrail::collector::notify

#endif  // HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_PAGERDUTY_H_
