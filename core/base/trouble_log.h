#ifndef HOPTRAIL_CORE_BASE_TROUBLE_LOG_H_
#define HOPTRAIL_CORE_BASE_TROUBLE_LOG_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "core/base/clock.h"
#include "core/base/log.h"

namespace hoptrail {

// Logs an error that may repeat: when it begins or changes, then once a minute, and when it is
// over. One thread.
class TroubleLog {
 public:
  // `component` and `clock` outlive it.
  TroubleLog(absl::string_view component, const Clock* clock)
      : component_(component), clock_(clock) {}

  void Note(const absl::Status& status) {
    const auto now = static_cast<int64_t>(clock_->BootNs());
    const std::string text = status.ok() ? "" : status.ToString();
    const bool same = text == last_;
    if (same && (text.empty() || now < again_ns_)) return;
    if (text.empty()) {
      LogInfo(component_, "recovered");
    } else {
      LogError(component_, text);
    }
    last_ = text;
    again_ns_ = now + kMinuteNs;
  }

 private:
  static constexpr int64_t kMinuteNs = 60'000'000'000;

  const absl::string_view component_;
  const Clock* const clock_;
  std::string last_;
  int64_t again_ns_ = 0;
};

}  // namespace hoptrail

#endif  // HOPTRAIL_CORE_BASE_TROUBLE_LOG_H_
