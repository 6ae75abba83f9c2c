#include "agent/health/health_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"

#include "agent/config/settings.h"
#include "agent/host/host_facts.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/printable.h"
#include "core/base/status_macros.h"
#include <sys/stat.h>

namespace hoptrail::agent {
namespace {

// Each record is one write of this size, so that it covers the record before.
constexpr size_t kBytes = 512;
constexpr absl::string_view kMagic = "hoptrail-health 1";
constexpr int kReads = 5;

std::string Hex(const std::array<uint8_t, 16>& bytes) {
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

// Agents that share a machine have a configuration file each. Symbolic links are not resolved: in a
// Kubernetes volume a link leads to another file after each change.
std::string FileName(const std::string& config_path) {
  std::error_code error;
  const std::filesystem::path path =
      std::filesystem::absolute(config_path, error).lexically_normal();
  return absl::StrCat(Hex(Digest128({error ? config_path : path.string()})), ".health");
}

std::string InState(const std::string& state_directory) { return state_directory + "/health"; }

absl::StatusOr<UniqueFd> CreateIn(const std::string& directory, const std::string& name) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return absl::ErrnoToStatus(errno, directory);
  }
  const UniqueFd at(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat info {};
  if (!at.valid() || ::fstat(at.get(), &info) != 0) return absl::ErrnoToStatus(errno, directory);
  // In another user's directory that user could forge the agent's state.
  if (info.st_uid != ::geteuid()) {
    return absl::PermissionDeniedError(absl::StrCat(directory, ": belongs to another user"));
  }
  UniqueFd fd(::openat(at.get(), name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, absl::StrCat(directory, "/", name));
  return fd;
}

std::string Text(const HealthRecord& record) {
  const std::string body = absl::StrCat(
      kMagic, " ", model::ToString(record.boot), " ", record.boot_ns, " ",
      static_cast<int>(record.state), " ",
      Printable(record.detail, {.utf8 = false, .most_bytes = kBytes / 2, .ellipsis = "..."}));
  std::string text = absl::StrCat(body, " ", Hex(Digest128({body})), "\n");
  text.resize(kBytes, ' ');
  return text;
}

absl::StatusOr<HealthRecord> Parse(absl::string_view text) {
  const size_t end = text.find('\n');
  const absl::string_view line = text.substr(0, end);
  const size_t last = line.rfind(' ');
  const absl::Status wrong = absl::DataLossError("is no health file of an agent");
  if (end == absl::string_view::npos || last == absl::string_view::npos) return wrong;
  absl::string_view body = line.substr(0, last);
  if (line.substr(last + 1) != Hex(Digest128({body}))) return wrong;
  if (!absl::ConsumePrefix(&body, kMagic)) return wrong;
  const std::vector<absl::string_view> parts = absl::StrSplit(body, absl::MaxSplits(' ', 4));
  HealthRecord record;
  if (parts.size() != 5 || !absl::SimpleAtoi(parts[2], &record.boot_ns)) return wrong;
  const absl::StatusOr<model::BootId> boot = model::ParseId<model::BootId>(parts[1]);
  if (!boot.ok()) return wrong;
  record.boot = *boot;
  int state = 0;
  if (!absl::SimpleAtoi(parts[3], &state) || state < 0 ||
      state > static_cast<int>(HealthState::kReady)) {
    return wrong;
  }
  record.state = static_cast<HealthState>(state);
  record.detail = std::string(parts[4]);
  return record;
}

absl::StatusOr<HealthRecord> ReadRecord(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, path);
  absl::StatusOr<HealthRecord> record = absl::UnknownError("");
  // The agent may write at the same moment; then the digest does not match.
  for (int i = 0; i < kReads; ++i) {
    if (i > 0) absl::SleepFor(absl::Milliseconds(10));
    char text[kBytes];
    const ssize_t size = ::pread(fd.get(), text, sizeof(text), 0);
    record = Parse(absl::string_view(text, size < 0 ? 0 : static_cast<size_t>(size)));
    if (record.ok()) return record;
  }
  return Annotate(record.status(), path);
}

}  // namespace

absl::StatusOr<HealthFile> HealthFile::Create(const std::string& config_path,
                                              const std::string& state_directory,
                                              const std::string& directory) {
  absl::StatusOr<UniqueFd> fd = CreateIn(directory, FileName(config_path));
  if (!fd.ok()) {
    UniqueFd in_state(
        ::open(InState(state_directory).c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!in_state.valid()) return fd.status();
    fd = std::move(in_state);
  }
  return HealthFile(*std::move(fd));
}

absl::Status HealthFile::Write(const HealthRecord& record) const {
  if (!fd_.valid()) return absl::OkStatus();
  const std::string text = Text(record);
  // The supervisor's seccomp filter does not allow pwrite(2).
  if (::lseek(fd_.get(), 0, SEEK_SET) == 0 &&
      ::write(fd_.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) {
    return absl::OkStatus();
  }
  return absl::ErrnoToStatus(errno, "health file");
}

absl::StatusOr<HealthRecord> ReadHealth(const std::string& config_path,
                                        const std::string& state_directory,
                                        const std::string& directory) {
  absl::StatusOr<HealthRecord> found =
      ReadRecord(absl::StrCat(directory, "/", FileName(config_path)));
  if (state_directory.empty()) return found;
  absl::StatusOr<HealthRecord> in_state = ReadRecord(InState(state_directory));
  // One of the two may be left over from an agent that could not use the other.
  if (!found.ok() || (in_state.ok() && in_state->boot_ns > found->boot_ns)) {
    if (in_state.ok()) return in_state;
  }
  return found;
}

std::optional<std::string> WhyNot(HealthState wanted, const HealthRecord& record,
                                  const model::BootId& boot, uint64_t now_boot_ns) {
  if (record.boot != boot) return "no agent has run since the host started";
  if (record.state == HealthState::kDown) return record.detail;
  const absl::Duration age =
      now_boot_ns > record.boot_ns
          ? absl::Nanoseconds(static_cast<int64_t>(now_boot_ns - record.boot_ns))
          : absl::ZeroDuration();
  if (age > (wanted == HealthState::kLive ? kLiveWithin : kReadyWithin)) {
    return absl::StrCat("the agent has been silent for ", absl::ToInt64Seconds(age),
                        " s: it hangs, or has ended");
  }
  if (record.state < wanted) return record.detail;
  return std::nullopt;
}

int AnswerProbe(HealthState wanted, const std::string& config_path) {
  // A configuration that has become invalid since then does not concern the running agent.
  const absl::StatusOr<Settings> settings = LoadSettings(config_path);
  const absl::StatusOr<HealthRecord> record =
      ReadHealth(config_path, settings.ok() ? settings->state_directory : "");
  const absl::StatusOr<model::BootId> boot = ReadBootId();
  std::optional<std::string> why;
  if (absl::IsNotFound(record.status())) {
    why = absl::StrCat("no agent with the configuration ", config_path, " runs here");
  } else if (!record.ok() || !boot.ok()) {
    why = std::string((record.ok() ? boot.status() : record.status()).message());
  } else {
    why = WhyNot(wanted, *record, *boot, Clock::System().BootNs());
  }
  const bool live = wanted == HealthState::kLive;
  std::string words = live ? "live" : "ready";
  if (why.has_value()) {
    words = absl::StrCat("not ", words, ": ", *why);
  } else if (!live) {
    absl::StrAppend(&words, ": ", record->detail);
  }
  printf("%s\n", Printable(words).c_str());
  return why.has_value() ? 1 : 0;
}

}  // namespace hoptrail::agent
