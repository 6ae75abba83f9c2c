#ifndef HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_ANSWER_H_
#define HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_ANSWER_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "collector/notify/pagerduty/http_client.h"

namespace hoptrail::collector::notify {

// What an answer to an event means. Nothing is believed to be PagerDuty's but what has the form of
// its Events API v2: between it and us there are proxies, login pages and load balancers.
struct Verdict {
  enum Kind {
    kAccepted,      // 202, {"status": "success", "dedup_key": ours}
    kEventRefused,  // 400 with the API's own body, or 413: others would be taken
    kFailed,        // anything else, and no answer
  };
  Kind kind = kFailed;
  std::string reason;  // one line for people, without `secret`; empty for kAccepted
  absl::Duration retry_after = absl::ZeroDuration();
};

// `secret` is the routing key, which a server could repeat. Pure function.
Verdict Judge(const absl::StatusOr<HttpResponse>& answer, absl::string_view dedup_key,
              absl::string_view secret);

}  // namespace hoptrail::collector::notify

#endif  // HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_ANSWER_H_
