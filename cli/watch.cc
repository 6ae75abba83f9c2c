#include "cli/watch.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <set>
#include <string>
#include <thread>

#include "cli/list_view.h"
#include "cli/output.h"
#include "core/base/status_macros.h"

namespace hoptrail::cli {
namespace {

// Whether another attempt may help: the collector restarts, or has dropped a slow watcher.
bool IsTransient(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
      return true;
    default:
      return false;
  }
}

}  // namespace

absl::Status WatchDetections(const Request& request) {
  const Options& options = request.options;
  const Style& style = request.style;
  constexpr size_t kMaxRemembered = 4096;
  constexpr std::chrono::milliseconds kFirstWait(500), kLongestWait(30'000);
  // A collector that cannot be reached, or that refuses, is an error at once.
  HT_RETURN_IF_ERROR(request.client->ListDetections(1).status());
  std::fputs("hoptrail: watching for detections; Ctrl-C ends it\n", stderr);
  std::set<std::string> seen;
  std::string token;
  auto wait = kFirstWait;
  absl::Status written;
  while (true) {
    absl::Status status =
        request.client->WatchDetections(token, [&](const v1::WatchDetectionsResponse& response) {
          wait = kFirstWait;
          token = response.resume_token();
          if (!written.ok() || !response.has_detection()) return;
          if (options.output == Output::kJson) {
            written = PrintJson(response.detection(), true);
            return;
          }
          if (seen.size() >= kMaxRemembered) seen.clear();
          const bool again = !seen.insert(response.detection().name()).second;
          written = Print(RenderWatched(response.detection(), again, style));
        });
    HT_RETURN_IF_ERROR(written);
    if (!IsTransient(status)) return status;
    const std::string why = Escape(status.ok() ? "stream ended" : status.message(), style);
    std::fprintf(stderr, "hoptrail: connection lost (%s); trying again%s\n", why.c_str(),
                 token.empty() ? ", what is detected meanwhile shows in 'hoptrail detections'"
                               : ", nothing will be missed");
    std::this_thread::sleep_for(wait);
    wait = std::min(wait * 2, kLongestWait);
  }
}

}  // namespace hoptrail::cli
