#ifndef HOPTRAIL_AGENT_KERNEL_PLAN_FORCE_TIERS_H_
#define HOPTRAIL_AGENT_KERNEL_PLAN_FORCE_TIERS_H_

// Which tier serves an event source, chosen by hand: `--force-tier SOURCE=N`. Pure.

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

// Covers every event source of the coverage report, those served by uprobes too.
std::vector<SourceTiers> AllTiers();

// Adds "SOURCE=N". INVALID_ARGUMENT where there is no such event source or tier lists the event sources.
absl::Status AddForcedTier(absl::string_view text, ForcedTiers* forced);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PLAN_FORCE_TIERS_H_
