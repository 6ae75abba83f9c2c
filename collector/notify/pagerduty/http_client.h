#ifndef HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_HTTP_CLIENT_H_
#define HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_HTTP_CLIENT_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace hoptrail::collector::notify {

// The answer to a request, whatever its status.
struct HttpResponse {
  int status = 0;
  absl::Duration retry_after = absl::ZeroDuration();  // from Retry-After; zero where absent
  std::string location;                               // the target of a redirect
  std::string body;                                   // at most 64 KiB of it
};

// Sends JSON by POST. Always verifies the server's certificate, follows no redirect, and uses a
// proxy only where the environment names one. Used by one thread, but for Abort.
class HttpClient {
 public:
  // `timeout` bounds one request, from the look-up of the name to the last byte of the answer.
  explicit HttpClient(absl::Duration timeout = absl::Seconds(30));
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // UNAVAILABLE when no answer came; the message says why: unknown name, refused, timeout, TLS.
  absl::StatusOr<HttpResponse> Post(const std::string& url, const std::string& body);
  // Makes a Post that is under way, and every later one, fail soon. From any thread.
  void Abort();

 private:
  struct State;
  State* const state_;
};

// https anywhere; plain http to loopback addresses only. INVALID_ARGUMENT otherwise.
absl::Status CheckEndpoint(const std::string& url);

}  // namespace hoptrail::collector::notify

#endif  // HOPTRAIL_COLLECTOR_NOTIFY_PAGERDUTY_HTTP_CLIENT_H_
