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

struct EventInput {
  store::Outbox::Action action = store::Outbox::kTrigger;
  v1::Incident incident;
  v1::Path path;                          // may be empty: then the event goes without it
  std::vector<v1::Detection> detections;  // of the incident
  std::string routing_key;
  std::string client_url;
};

// The body of one event, JSON of at most kMaxEvent bytes: a path that does not fit loses steps from
// its middle and says so. Pure function. Never log the result: it holds the routing key.
std::string MakeEvent(const EventInput& input);

// The same with nothing in it but what the API asks for, the title in plain ASCII: for an event
// that is refused as a whole. What the incident is about is asked of the collector then.
std::string MakeReducedEvent(const EventInput& input);

// Under which all events of an incident are one alert.
std::string DedupKey(const EventInput& input);

// "critical", "error", "warning" or "info".
absl::string_view PagerDutySeverity(v1::Severity severity);

}  // namespace hoptrail::collector::notify

#endif  // HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_EVENT_H_
