#include "collector/notify/pagerduty/http_client.h"

#include <algorithm>
#include <atomic>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <curl/curl.h>

#include "core/base/log.h"
#include "core/model/net.h"

namespace hoptrail::collector::notify {
namespace {

constexpr size_t kMaxBody = 64 * 1024;
constexpr long kConnectTimeoutSeconds = 10;

size_t KeepBody(char* data, size_t size, size_t count, void* user) {
  auto* body = static_cast<std::string*>(user);
  body->append(data, std::min(size * count, kMaxBody - std::min(kMaxBody, body->size())));
  return size * count;
}

int CheckAbort(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<std::atomic<bool>*>(user)->load() ? 1 : 0;
}

}  // namespace

struct HttpClient::State {
  CURL* curl = nullptr;
  long timeout_ms = 0;
  std::atomic<bool> aborted{false};
};

HttpClient::HttpClient(absl::Duration timeout) : state_(new State) {
  state_->timeout_ms = absl::ToInt64Milliseconds(timeout);
  static const CURLcode kInitialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  HT_CHECK(kInitialized == CURLE_OK);
  state_->curl = curl_easy_init();
  HT_CHECK(state_->curl != nullptr);
}

HttpClient::~HttpClient() {
  curl_easy_cleanup(state_->curl);
  delete state_;
}

void HttpClient::Abort() { state_->aborted = true; }

absl::StatusOr<HttpResponse> HttpClient::Post(const std::string& url, const std::string& body) {
  CURL* curl = state_->curl;
  curl_easy_reset(curl);  // keeps the connection
  HttpResponse response;
  curl_slist* headers = curl_slist_append(nullptr, "Content-Type: application/json");
  headers = curl_slist_append(headers, "Expect:");
  char why[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectTimeoutSeconds);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, state_->timeout_ms);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "hoptrail-collector");
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, KeepBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &response.body);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, CheckAbort);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &state_->aborted);
  const CURLcode result = curl_easy_perform(curl);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_off_t retry_after = 0;
  curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
  char* location = nullptr;
  curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
  if (location != nullptr) response.location = location;
  curl_slist_free_all(headers);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, nullptr);
  if (result != CURLE_OK) {
    return absl::UnavailableError(
        absl::StrCat(curl_easy_strerror(result), why[0] == '\0' ? "" : ": ", why));
  }
  response.status = static_cast<int>(status);
  response.retry_after = absl::Seconds(retry_after);
  return response;
}

absl::Status CheckEndpoint(const std::string& url) {
  CURLU* parts = curl_url();
  char* scheme = nullptr;
  char* host = nullptr;
  absl::Status status;
  if (parts == nullptr || curl_url_set(parts, CURLUPART_URL, url.c_str(), 0) != CURLUE_OK ||
      curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
      curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK) {
    status = absl::InvalidArgumentError(absl::StrCat("'", url, "' is no URL"));
  } else if (absl::string_view(scheme) == "http") {
    std::string name = host;
    if (name.size() > 2 && name.front() == '[') name = name.substr(1, name.size() - 2);
    const absl::StatusOr<model::IpAddress> address = model::ParseIpAddress(name);
    if (name != "localhost" && !(address.ok() && address->is_loopback())) {
      status = absl::InvalidArgumentError(
          absl::StrCat("'", url, "': plain http is for loopback addresses only; use https"));
    }
  } else if (absl::string_view(scheme) != "https") {
    status = absl::InvalidArgumentError(absl::StrCat("'", url, "' is neither https nor http"));
  }
  curl_free(scheme);
  curl_free(host);
  curl_url_cleanup(parts);
  return status;
}

}  // namespace hoptrail::collector::notify
