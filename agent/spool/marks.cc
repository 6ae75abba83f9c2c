#include "agent/spool/marks.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "core/base/digest.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"
#include <sys/stat.h>

namespace hoptrail::agent::spool {
namespace {

constexpr size_t kFileBytes = 4096;
constexpr char kHeader[] = "hoptrail marks 1";

struct DigestTag {};

std::string DigestOf(absl::string_view text) {
  return model::ToString(model::Id128<DigestTag>{Digest128({text})});
}

std::string Body(const Marks& marks) {
  std::string text =
      absl::StrCat(kHeader, "\nhost ", model::ToString(marks.host), "\nused ", marks.used_sequence,
                   "\nstate_behind ", marks.state_behind ? 1 : 0, "\n");
  if (!marks.incarnation.empty()) {
    absl::StrAppend(&text, "incarnation ", marks.incarnation.counter, " ",
                    model::ToString(marks.incarnation.nonce), "\n");
  }
  if (!marks.kernel_boot.empty()) {
    absl::StrAppend(&text, "kernel_boot ", model::ToString(marks.kernel_boot), "\n");
  }
  if (marks.given_up > 0) absl::StrAppend(&text, "given_up ", marks.given_up, "\n");
  for (const Marks::Range& range : marks.in_memory) {
    absl::StrAppend(&text, "in_memory ", range.first, " ", range.last, "\n");
  }
  return text;
}

// A fault of a line shows when the marks are written again and compared.
void ParseLine(absl::string_view line, Marks* marks) {
  const std::vector<std::string> words = absl::StrSplit(line, ' ');
  uint64_t first = 0, last = 0;
  if (words.size() < 2) return;
  if (words[0] == "host") {
    if (const auto host = model::ParseHostId(words[1]); host.ok()) marks->host = *host;
  } else if (words[0] == "used") {
    if (absl::SimpleAtoi(words[1], &first)) marks->used_sequence = first;
  } else if (words[0] == "state_behind") {
    marks->state_behind = words[1] == "1";
  } else if (words[0] == "given_up") {
    if (absl::SimpleAtoi(words[1], &first)) marks->given_up = first;
  } else if (words[0] == "kernel_boot") {
    if (const auto boot = model::ParseId<model::BootId>(words[1]); boot.ok()) {
      marks->kernel_boot = *boot;
    }
  } else if (words[0] == "incarnation" && words.size() == 3) {
    const auto nonce = model::ParseId<model::Nonce>(words[2]);
    if (nonce.ok() && absl::SimpleAtoi(words[1], &first)) marks->incarnation = {first, *nonce};
  } else if (words[0] == "in_memory" && words.size() == 3) {
    if (!absl::SimpleAtoi(words[1], &first) || !absl::SimpleAtoi(words[2], &last)) return;
    if (marks->in_memory.size() < Marks::kMaxRanges) marks->in_memory.push_back({first, last});
  }
}

}  // namespace

model::HostId SpokenFor(const Marks& marks, const model::HostId& own) {
  const bool assumed = !marks.kernel_boot.empty() && marks.kernel_boot == own.boot &&
                       marks.host.machine == own.machine;
  return assumed ? marks.host : own;
}

std::string ToText(const Marks& marks) {
  const std::string body = Body(marks);
  return absl::StrCat(body, "digest ", DigestOf(body), "\n");
}

Marks ParseMarks(absl::string_view text) {
  Marks marks;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) ParseLine(line, &marks);
  const std::string written = ToText(marks);
  return text.substr(0, written.size()) == written ? marks : Marks();
}

MarkFile::MarkFile(std::string path) : path_(std::move(path)) {
  MutexLock lock(&mutex_);
  const UniqueFd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  char text[kFileBytes];
  const ssize_t length = file.valid() ? ::pread(file.get(), text, sizeof(text), 0) : 0;
  if (length > 0) marks_ = ParseMarks({text, static_cast<size_t>(length)});
  written_ = marks_ != Marks();
}

Marks MarkFile::Get() const {
  MutexLock lock(&mutex_);
  return marks_;
}

absl::Status MarkFile::Update(absl::FunctionRef<void(Marks&)> change) {
  MutexLock lock(&mutex_);
  const Marks before = marks_;
  change(marks_);
  if (written_ && marks_ == before) return absl::OkStatus();
  absl::Status status = Write();
  written_ = status.ok();
  return status;
}

absl::Status MarkFile::Write() {
  struct stat info {};
  const bool gone = !file_.valid() || ::fstat(file_.get(), &info) != 0 || info.st_nlink == 0;
  if (gone) file_.reset(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file_.valid()) return absl::ErrnoToStatus(errno, path_);
  std::string block = ToText(marks_);
  block.resize(kFileBytes, '\0');
  const ssize_t length = ::pwrite(file_.get(), block.data(), block.size(), 0);
  if (length == static_cast<ssize_t>(block.size())) return absl::OkStatus();
  return absl::ErrnoToStatus(length < 0 ? errno : ENOSPC, path_);
}

}  // namespace hoptrail::agent::spool
