#ifndef HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_ANSWER_H_
#define HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_ANSWER_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "collector/notify/pagerduty/http_client.h"

namespace hoptrail::collector::notify {

// The meaning of an answer to an event. Only an answer in the form of PagerDuty's Events API v2
// counts as PagerDuty's: proxies, login pages and load balancers stand between.
struct Verdict {
  enum Kind {
    kAccepted,      // 202, {"status": "success", "dedup_key": ours}
    kEventRefused,  // 400 with the API's own body, or 413: other events would be accepted
    kFailed,        // anything else, and no answer
  };
  Kind kind = kFailed;
  std::string reason;  // one line for people, without `secret`; empty for kAccepted
  absl::Duration retry_after = absl::ZeroDuration();
};

// `secret` is the routing key, which a server could repeat. Pure function.
Verdict EvaluateAnswer(const absl::StatusOr<HttpResponse>& answer, absl::string_view dedup_key,
                       absl::string_view secret);

}  // namespace hoptrail::collector::notify

#endif  // HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_ANSWER_H_
