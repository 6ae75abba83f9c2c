#ifndef HOPTRAIL_CORE_DETECT_EVIDENCE_H_
#define HOPTRAIL_CORE_DETECT_EVIDENCE_H_

// Evidence that stays small whatever an intruder calls himself.

#include <cstddef>
#include <string>

#include "absl/container/btree_set.h"
#include "absl/strings/string_view.h"

#include "core/model/detection.h"

namespace hoptrail::detect {

inline constexpr size_t kMaxEvidenceEntries = 32;
inline constexpr size_t kMaxEvidenceBytes = 512;  // of one value, and of a summary

// `text` cut to `max` bytes at a character's edge, the cut shown as "…"; control characters
// become '?'.
std::string Bounded(absl::string_view text, size_t max = kMaxEvidenceBytes);

// Sets detection.evidence[name] = Bounded(value). Nothing happens where the value is empty or the
// evidence is full.
void AddEvidence(model::Detection& detection, absl::string_view name, absl::string_view value);

// Distinct words, at most `max` of them; the others are only counted. For "users tried" and the
// like. Not thread-safe.
class BoundedSet {
 public:
  explicit BoundedSet(size_t max) : max_(max) {}

  void Add(absl::string_view word);
  bool empty() const { return words_.empty(); }
  size_t size() const { return words_.size(); }
  // "alice, bob" or "alice, bob and more".
  std::string Text() const;

 private:
  size_t max_;
  absl::btree_set<std::string> words_;
  bool more_ = false;
};

}  // namespace hoptrail::detect

#endif  // HOPTRAIL_CORE_DETECT_EVIDENCE_H_
