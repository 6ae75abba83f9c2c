#include "collector/detect/path_view.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace hoptrail::collector::detect {
namespace {

constexpr size_t kMaxShown = 12;

std::string OrUnknown(const std::string& word) { return word.empty() ? "?" : word; }

}  // namespace

std::string Label(const Step& step) {
  return absl::StrCat(OrUnknown(step.user), "@", OrUnknown(step.host_name));
}

std::string Chain(const PathView& path) {
  std::vector<std::string> labels;
  for (size_t i = 0; i < path.size(); ++i) {
    const bool middle =
        path.size() > kMaxShown && i >= kMaxShown / 2 && i < path.size() - kMaxShown / 2;
    if (!middle) {
      labels.push_back(Label(path[i]));
    } else if (i == kMaxShown / 2) {
      labels.push_back("…");
    }
  }
  return absl::StrJoin(labels, " → ");
}

bool Proven(const PathView& path) {
  for (const Step& step : path) {
    if (step.by_hop && step.proof != model::Proof::kProven) return false;
  }
  return true;
}

}  // namespace hoptrail::collector::detect
