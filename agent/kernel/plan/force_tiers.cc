#include "agent/kernel/plan/force_tiers.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "agent/kernel/plan/uprobe_plan.h"

namespace hoptrail::agent::kernel {

std::vector<SourceTiers> AllTiers() {
  std::vector<SourceTiers> all;
  for (const EventSource& source : EventSourceTable()) {
    SourceTiers tiers{.source = source.source};
    for (const HookCandidate& candidate : source.candidates) tiers.hooks.push_back(candidate.hook);
    all.push_back(std::move(tiers));
  }
  for (const UprobeSource& source : UprobeTable()) {
    all.push_back(
        {.source = source.source,
         .hooks = {UprobeHook(source, kUprobeMultiTier), UprobeHook(source, kUprobePerfTier)}});
  }
  return all;
}

absl::Status AddForcedTier(absl::string_view text, ForcedTiers* forced) {
  const std::vector<SourceTiers> all = AllTiers();
  const size_t equals = text.rfind('=');
  if (equals != absl::string_view::npos) {
    const absl::string_view source = text.substr(0, equals);
    uint32_t tier = 0;
    const bool number = absl::SimpleAtoi(text.substr(equals + 1), &tier);
    for (const SourceTiers& tiers : all) {
      if (tiers.source != source || !number || tier < 1 || tier > tiers.hooks.size()) continue;
      (*forced)[tiers.source] = tier;
      return absl::OkStatus();
    }
  }
  std::string sources;
  for (const SourceTiers& tiers : all) {
    absl::StrAppend(&sources, sources.empty() ? "" : ", ", "\"", tiers.source, "\" (1 to ",
                    tiers.hooks.size(), ")");
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "'", text, "' is not SOURCE=TIER; the event sources and their tiers are ", sources));
}

}  // namespace hoptrail::agent::kernel
