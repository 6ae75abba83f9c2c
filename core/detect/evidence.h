#ifndef HOPTRAIL_CORE_DETECT_EVIDENCE_H_
#define HOPTRAIL_CORE_DETECT_EVIDENCE_H_

// Keeps evidence small, whatever names an intruder chooses.

#include <cstddef>
#include <string>

#include "absl/container/btree_set.h"
#include "absl/strings/string_view.h"

#include "core/model/detection.h"

namespace hoptrail::detect {

inline constexpr size_t kMaxEvidenceEntries = 32;
inline constexpr size_t kMaxEvidenceBytes = 512;  // of one value, and of a summary

// `text` cut to `max` bytes between two characters, the cut marked by "…"; control characters
// become
// '?'.
std::string Bounded(absl::string_view text, size_t max = kMaxEvidenceBytes);

// Sets detection.evidence[name] = Bounded(value). Nothing happens where the value is empty or the
// evidence is full.
void AddEvidence(model::Detection& detection, absl::string_view name, absl::string_view value);

// Distinct words, at most `max` of them. Beyond that it only remembers that there were more. For
// "users tried" and the like. Not thread-safe.
class BoundedSet {
 public:
  explicit BoundedSet(size_t max) : max_(max) {}

  void Add(absl::string_view word);
  // "alice, bob" or "alice, bob and more".
  std::string Text() const;

 private:
  size_t max_;
  absl::btree_set<std::string> words_;
  bool more_ = false;
};

}  // namespace hoptrail::detect

#endif  // HOPTRAIL_CORE_DETECT_EVIDENCE_H_
