#include "collector/engine/values/path_view.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "core/model/title.h"

namespace hoptrail::collector::engine {
namespace {

constexpr size_t kMaxShown = 12;

}  // namespace

std::string HostLabel(const Step& step) { return model::HostTitle(step.host_name, step.host); }

std::string Label(const Step& step) {
  return absl::StrCat(step.title.empty() ? model::kUnreportedSession : step.title, "@",
                      HostLabel(step));
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
  for (size_t i = 1; i < path.size(); ++i) {
    if (path[i].proof != model::Proof::kProven) return false;
  }
  return true;
}

}  // namespace hoptrail::collector::engine
