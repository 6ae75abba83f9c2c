#ifndef HOPTRAIL_CORE_BASE_LOG_H_
#define HOPTRAIL_CORE_BASE_LOG_H_

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace hoptrail {

enum class LogLevel { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };

// Writes one line to standard error: `2026-01-31T12:00:00.000Z W component: message`. All but
// printable UTF-8 is escaped (printable.h), so that a peer's text can neither forge a line nor
// control a terminal. A message is cut after 4,000 bytes. Thread-safe. Never give it a secret.
void Log(LogLevel level, absl::string_view component, absl::string_view message);

// Writes `program: message` to standard error, escaped and bounded in the same way: for errors that
// a program reports to the person who started it.
void WriteError(absl::string_view program, absl::string_view message);

// Lines below `level` are dropped from then on. The default is kInfo. Thread-safe.
void SetLogLevel(LogLevel level);

template <typename... Parts>
void LogInfo(absl::string_view component, const Parts&... parts) {
  Log(LogLevel::kInfo, component, absl::StrCat(parts...));
}
template <typename... Parts>
void LogWarning(absl::string_view component, const Parts&... parts) {
  Log(LogLevel::kWarning, component, absl::StrCat(parts...));
}
template <typename... Parts>
void LogError(absl::string_view component, const Parts&... parts) {
  Log(LogLevel::kError, component, absl::StrCat(parts...));
}

}  // namespace hoptrail

// For a condition that cannot fail: logs file and line and aborts.
#define HT_CHECK(condition)                                                                     \
  do {                                                                                          \
    if (!(condition)) {                                                                         \
      ::hoptrail::LogError("check", __FILE__, ":", __LINE__, ": " #condition " does not hold"); \
      std::abort();                                                                             \
    }                                                                                           \
  } while (false)

#endif  // HOPTRAIL_CORE_BASE_LOG_H_
