#include "core/config/key_places.h"

#include "absl/strings/str_cat.h"

namespace hoptrail::config {

std::string KeyPlaces::Of(absl::string_view key) const {
  int line = 1;
  for (absl::string_view above = key; !above.empty();) {
    const auto found = lines_.find(std::string(above));
    if (found != lines_.end()) {
      line = found->second;
      break;
    }
    const size_t end = above.find_last_of(".[");
    above = end == absl::string_view::npos ? "" : above.substr(0, end);
  }
  return absl::StrCat(file_, ":", line, ": ", key);
}

absl::Status KeyPlaces::Fault(absl::string_view key, absl::string_view what) const {
  return absl::InvalidArgumentError(absl::StrCat(Of(key), ": ", what));
}

}  // namespace hoptrail::config
