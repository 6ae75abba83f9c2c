#ifndef HOPTRAIL_AGENT_KERNEL_PLAN_FORCE_TIERS_H_
#define HOPTRAIL_AGENT_KERNEL_PLAN_FORCE_TIERS_H_

// The option `--force-tier SOURCE=N`, which chooses the tier of an event source by hand. Pure.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "agent/kernel/plan/hook_plan.h"

namespace hoptrail::agent::kernel {

// An event source and its hooks, best first: the hook of tier N is the N-th.
struct SourceTiers {
  std::string source;
  std::vector<std::string> hooks;
};

// Every event source of the coverage report, those of uprobes included.
std::vector<SourceTiers> AllTiers();

// Adds "SOURCE=N" to `forced`. INVALID_ARGUMENT lists all event sources and their tiers.
absl::Status AddForcedTier(absl::string_view text, ForcedTiers* forced);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PLAN_FORCE_TIERS_H_
