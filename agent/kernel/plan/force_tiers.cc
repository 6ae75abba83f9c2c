#include "agent/kernel/plan/force_tiers.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "agent/kernel/plan/uprobe_plan.h"

namespace hoptrail::agent::kernel {

std::vector<FactTiers> AllTiers() {
  std::vector<FactTiers> all;
  for (const FactHooks& fact : FactTable()) {
    FactTiers tiers{.fact = fact.fact};
    for (const HookCandidate& candidate : fact.candidates) tiers.hooks.push_back(candidate.hook);
    all.push_back(std::move(tiers));
  }
  for (const UprobeSource& fact : UprobeTable()) {
    all.push_back({.fact = fact.fact,
                   .hooks = {absl::StrCat("uprobe_multi/", fact.target),
                             absl::StrCat("uprobe/", fact.target)}});
  }
  return all;
}

absl::Status AddForcedTier(absl::string_view text, ForcedTiers* forced) {
  const std::vector<FactTiers> all = AllTiers();
  const size_t equals = text.rfind('=');
  if (equals != absl::string_view::npos) {
    const absl::string_view fact = text.substr(0, equals);
    uint32_t tier = 0;
    const bool number = absl::SimpleAtoi(text.substr(equals + 1), &tier);
    for (const FactTiers& tiers : all) {
      if (tiers.fact != fact || !number || tier < 1 || tier > tiers.hooks.size()) continue;
      (*forced)[tiers.fact] = tier;
      return absl::OkStatus();
    }
  }
  std::string facts;
  for (const FactTiers& tiers : all) {
    absl::StrAppend(&facts, facts.empty() ? "" : ", ", "\"", tiers.fact, "\" (1 to ",
                    tiers.hooks.size(), ")");
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is no FACT=TIER; the facts and their tiers: ", facts));
}

}  // namespace hoptrail::agent::kernel
