#include "agent/loader/handover.h"

#include <unistd.h>

#include <cerrno>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "core/base/status_macros.h"
#include "core/wire/sensor.h"
#include <sys/mman.h>

namespace hoptrail::agent {
namespace {

// The report speaks for a host; between our own processes it does not matter for which.
constexpr uint8_t kAnyByte = 1;

}  // namespace

std::string SizesText(const kernel::Handles& handles) {
  return absl::StrCat(handles.high_ring.bytes, " ", handles.low_ring.bytes, " ", handles.cpus);
}

absl::Status ParseSizes(const std::string& text, kernel::Handles* handles) {
  const std::vector<absl::string_view> words = absl::StrSplit(text, ' ');
  if (words.size() == 3 && absl::SimpleAtoi(words[0], &handles->high_ring.bytes) &&
      absl::SimpleAtoi(words[1], &handles->low_ring.bytes) &&
      absl::SimpleAtoi(words[2], &handles->cpus)) {
    return absl::OkStatus();
  }
  return absl::InternalError("the loader told no sizes");
}

absl::StatusOr<UniqueFd> ToMemory(const std::vector<model::SourceCoverage>& sources) {
  model::Coverage coverage;
  coverage.host.machine.bytes.fill(kAnyByte);
  coverage.host.boot.bytes.fill(kAnyByte);
  coverage.sources = sources;
  const std::string bytes = wire::ToProto(coverage).SerializeAsString();
  UniqueFd fd(::memfd_create("coverage", MFD_CLOEXEC));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "memfd_create");
  if (::write(fd.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    return absl::ErrnoToStatus(errno, "writing the coverage report");
  }
  return fd;
}

absl::StatusOr<std::vector<model::SourceCoverage>> FromMemory(int fd) {
  std::string bytes;
  char chunk[4096];
  for (;;) {
    const ssize_t count = ::pread(fd, chunk, sizeof(chunk), static_cast<off_t>(bytes.size()));
    if (count < 0) return absl::ErrnoToStatus(errno, "reading the coverage report");
    if (count == 0) break;
    bytes.append(chunk, static_cast<size_t>(count));
  }
  v1::CoverageReport report;
  if (!report.ParseFromString(bytes)) return absl::InternalError("no coverage report");
  HT_ASSIGN_OR_RETURN(model::Coverage coverage, wire::FromProto(report));
  return std::move(coverage.sources);
}

}  // namespace hoptrail::agent
