#include "core/base/log.h"

#include <unistd.h>

#include <atomic>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"

#include "core/base/printable.h"

namespace hoptrail {
namespace {

// A pipe takes a line of this size in one piece (PIPE_BUF is 4,096).
constexpr size_t kMostBytes = 4000;

std::atomic<LogLevel> least_level{LogLevel::kInfo};

std::string Bounded(absl::string_view message) {
  return Printable(message, {.most_bytes = kMostBytes});
}

// One write(2) a line, so that the lines of several threads and processes do not mix. A lost log
// line is no error.
void WriteLine(const std::string& line) {
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

void SetLogLevel(LogLevel level) { least_level.store(level, std::memory_order_relaxed); }

void Log(LogLevel level, absl::string_view component, absl::string_view message) {
  if (level < least_level.load(std::memory_order_relaxed)) return;
  const std::string time =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone());
  const char letter = "DIWE"[static_cast<int>(level)];
  WriteLine(absl::StrCat(time, " ", absl::string_view(&letter, 1), " ", component, ": ",
                         Bounded(message), "\n"));
}

void WriteError(absl::string_view program, absl::string_view message) {
  WriteLine(absl::StrCat(program, ": ", Bounded(message), "\n"));
}

}  // namespace hoptrail
