#include "agent/loader/handover.h"

#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "core/base/status_macros.h"
#include "core/wire/agent_state.h"
#include <sys/mman.h>

namespace hoptrail::agent::loader {
namespace {

using privilege::Message;
using privilege::MessageKind;

// The order of the descriptors.
enum HandoverFds : size_t { kHighRing = 0, kLowRing = 1, kLosses = 2, kCoverage = 3, kFds = 4 };

// A coverage report needs a host's id, but between our own processes its value does not matter.
constexpr uint8_t kAnyByte = 1;

absl::Status ParseSizes(const std::string& text, kernel::Handles* handles) {
  const std::vector<absl::string_view> words = absl::StrSplit(text, ' ');
  if (words.size() == 3 && absl::SimpleAtoi(words[0], &handles->high_ring.bytes) &&
      absl::SimpleAtoi(words[1], &handles->low_ring.bytes) &&
      absl::SimpleAtoi(words[2], &handles->cpus)) {
    return absl::OkStatus();
  }
  return absl::InternalError("the loader sent no sizes of its maps");
}

absl::StatusOr<std::vector<model::SourceCoverage>> ReadCoverage(int fd) {
  std::string bytes;
  char chunk[4096];
  for (;;) {
    const ssize_t count = ::pread(fd, chunk, sizeof(chunk), static_cast<off_t>(bytes.size()));
    if (count < 0) return absl::ErrnoToStatus(errno, "reading the coverage report");
    if (count == 0) break;
    bytes.append(chunk, static_cast<size_t>(count));
  }
  v1::CoverageReport report;
  if (!report.ParseFromString(bytes)) {
    return absl::InternalError("the loader sent an invalid coverage report");
  }
  HT_ASSIGN_OR_RETURN(model::Coverage coverage, wire::FromProto(report));
  return std::move(coverage.sources);
}

}  // namespace

absl::StatusOr<UniqueFd> CoverageFile(const std::vector<model::SourceCoverage>& sources) {
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

absl::Status SendHandover(const privilege::Channel& supervisor, const kernel::Handles& handles,
                          const UniqueFd& coverage_file) {
  const std::string sizes =
      absl::StrCat(handles.high_ring.bytes, " ", handles.low_ring.bytes, " ", handles.cpus);
  return supervisor.Send(
      MessageKind::kStarted, 0, 0, sizes,
      {handles.high_ring.fd, handles.low_ring.fd, handles.losses_fd, coverage_file.get()});
}

absl::Status SendFailure(const privilege::Channel& supervisor, const absl::Status& why) {
  return supervisor.Send(MessageKind::kStarted, static_cast<uint32_t>(why.code()), 0,
                         std::string(why.message()));
}

absl::StatusOr<Handover> ReceiveHandover(const privilege::Channel& loader, absl::Duration timeout) {
  HT_ASSIGN_OR_RETURN(Message started, loader.Receive(timeout));
  if (started.kind != MessageKind::kStarted) {
    return absl::InternalError("the loader sent another message than its results");
  }
  if (started.number != 0) {
    return absl::Status(static_cast<absl::StatusCode>(started.number), started.text);
  }
  if (started.fds.size() != kFds) {
    return absl::InternalError(absl::StrCat("the loader sent ", started.fds.size(),
                                            " descriptors instead of ", size_t{kFds}));
  }
  Handover handover;
  HT_RETURN_IF_ERROR(ParseSizes(started.text, &handover.handles));
  HT_ASSIGN_OR_RETURN(handover.coverage, ReadCoverage(started.fds[kCoverage].get()));
  started.fds.pop_back();
  handover.maps = std::move(started.fds);
  handover.handles.high_ring.fd = handover.maps[kHighRing].get();
  handover.handles.low_ring.fd = handover.maps[kLowRing].get();
  handover.handles.losses_fd = handover.maps[kLosses].get();
  return handover;
}

}  // namespace hoptrail::agent::loader
