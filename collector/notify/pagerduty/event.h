#ifndef HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_EVENT_H_
#define HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_EVENT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include <google/protobuf/struct.pb.h>

#include "collector/store/outbox.h"
#include <hoptrail/v1/detection.pb.h>
#include <hoptrail/v1/graph.pb.h>

namespace hoptrail::collector::notify {

// PagerDuty's bounds on an event (Events API v2).
inline constexpr size_t kMaxDedupKey = 255;
inline constexpr size_t kMaxSummary = 1024;
inline constexpr size_t kMaxEvent = 512 * 1024;

// Everything that one event is made of.
struct EventInput {
  store::Outbox::Action action = store::Outbox::kTrigger;
  v1::Incident incident;
  v1::Path path;                          // may be empty: the event then has none
  std::vector<v1::Detection> detections;  // of the incident
  std::string routing_key;
  std::string client_url;
};

// Returns the body of one event: JSON of at most kMaxEvent bytes. A path that is too long loses
// steps from its middle, and a note says so. Pure function. Never log the result: it holds the
// routing key.
std::string MakeEvent(const EventInput& input);

// The same with only the fields that the API requires and the title in ASCII, for an event that is
// refused otherwise. People then ask the collector for the details.
std::string MakeReducedEvent(const EventInput& input);

// The key under which all events of an incident are one alert.
std::string DedupKey(const EventInput& input);

// "critical", "error", "warning" or "info".
absl::string_view PagerDutySeverity(v1::Severity severity);

}  // namespace hoptrail::collector::notify

#endif  // HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_EVENT_H_
