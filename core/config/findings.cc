#include "core/config/findings.h"

#include "absl/strings/str_cat.h"

namespace hoptrail::config {

void Findings::Add(Weight weight, absl::string_view key, absl::string_view what) {
  all_.push_back({weight, absl::StrCat(places_.Of(key), ": ", what)});
}

void Findings::Add(Weight weight, absl::string_view key, const absl::Status& status) {
  if (!status.ok()) Add(weight, key, status.message());
}

absl::Status Findings::FirstOf(Weight least) const {
  for (const Finding& finding : all_) {
    if (finding.weight >= least) return absl::InvalidArgumentError(finding.text);
  }
  return absl::OkStatus();
}

}  // namespace hoptrail::config
