#include "agent/worker/coverage.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "core/base/kernel_release.h"
#include "core/base/log.h"

namespace hoptrail::agent {

bool SeesTheLoader(const Settings& settings, const std::vector<model::SourceCoverage>& coverage) {
  if (!settings.network_namespace.empty() && settings.network_namespace != "self") return false;
  return std::any_of(coverage.begin(), coverage.end(), [](const model::SourceCoverage& source) {
    return source.source == "fork" && !source.hook.empty();
  });
}

std::string BlindSources(const std::vector<model::SourceCoverage>& coverage) {
  std::vector<std::string> blind;
  for (const model::SourceCoverage& source : coverage) {
    const bool needed = source.source == "fork" || source.source == "exec" ||
                        source.source == "tcp" || source.source == "accept";
    if (needed && source.hook.empty()) blind.push_back(source.source);
  }
  return absl::StrJoin(blind, ", ");
}

void LogCoverage(const std::vector<model::SourceCoverage>& coverage) {
  LogInfo("agent", "hook plan on kernel ", KernelRelease(), ":");
  for (const model::SourceCoverage& source : coverage) {
    const std::string refusals =
        source.refusals.empty() ? ""
                                : absl::StrCat("; refused: ", absl::StrJoin(source.refusals, "; "));
    const std::string misses =
        source.misses.empty()
            ? ""
            : absl::StrCat("; does not see: ", absl::StrJoin(source.misses, "; "));
    if (source.hook.empty()) {
      LogWarning("agent", "  ", source.source, ": BLIND", refusals);
    } else {
      LogInfo("agent", "  ", source.source, ": ", source.hook, " (tier ", source.tier, ")", misses,
              refusals);
    }
  }
}

}  // namespace hoptrail::agent
