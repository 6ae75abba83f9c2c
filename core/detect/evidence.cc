#include "core/detect/evidence.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace hoptrail::detect {
namespace {

constexpr size_t kMaxWordBytes = 64;
constexpr absl::string_view kCut = "…";

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

}  // namespace

std::string Bounded(absl::string_view text, size_t max) {
  std::string result;
  if (text.size() <= max) {
    result.assign(text.data(), text.size());
  } else {
    size_t end = max > kCut.size() ? max - kCut.size() : 0;
    while (end > 0 && IsContinuation(text[end])) --end;
    result = absl::StrCat(text.substr(0, end), kCut);
  }
  for (char& c : result) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = '?';
  }
  return result;
}

void AddEvidence(model::Detection& detection, absl::string_view name, absl::string_view value) {
  if (value.empty()) return;
  std::string key(name);
  if (detection.evidence.size() >= kMaxEvidenceEntries && !detection.evidence.contains(key)) return;
  detection.evidence[std::move(key)] = Bounded(value);
}

void BoundedSet::Add(absl::string_view word) {
  if (word.empty()) return;
  std::string bounded = Bounded(word, kMaxWordBytes);
  if (words_.contains(bounded)) return;
  if (words_.size() >= max_) {
    more_ = true;
    return;
  }
  words_.insert(std::move(bounded));
}

std::string BoundedSet::Text() const {
  return absl::StrCat(absl::StrJoin(words_, ", "), more_ ? " and more" : "");
}

}  // namespace hoptrail::detect
