#include "core/base/log.h"

#include <unistd.h>

#include <atomic>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace hoptrail {
namespace {

std::atomic<LogLevel> least_level{LogLevel::kInfo};

}  // namespace

void SetLogLevel(LogLevel level) { least_level.store(level, std::memory_order_relaxed); }

void Log(LogLevel level, absl::string_view component, absl::string_view message) {
  if (level < least_level.load(std::memory_order_relaxed)) return;
  const std::string time =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone());
  const char letter = "DIWE"[static_cast<int>(level)];
  const std::string line = absl::StrCat(time, " ", absl::string_view(&letter, 1), " ", component,
                                        ": ", absl::Utf8SafeCEscape(message), "\n");
  // One write keeps lines whole between threads and processes; a lost log line is no error.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace hoptrail
