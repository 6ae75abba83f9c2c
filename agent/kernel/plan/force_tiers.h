#ifndef HOPTRAIL_AGENT_KERNEL_PLAN_FORCE_TIERS_H_
#define HOPTRAIL_AGENT_KERNEL_PLAN_FORCE_TIERS_H_

// Which tier serves a fact, chosen by hand: `--force-tier FACT=N`. Pure.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "agent/kernel/plan/hook_plan.h"

namespace hoptrail::agent::kernel {

// A fact and its hooks, best first: the hook of tier N is the N-th.
struct FactTiers {
  std::string fact;
  std::vector<std::string> hooks;
};

// Covers every fact of the coverage report, those served by uprobes too.
std::vector<FactTiers> AllTiers();

// Adds "FACT=N". INVALID_ARGUMENT where there is no such fact or tier lists the facts.
absl::Status AddForcedTier(absl::string_view text, ForcedTiers* forced);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PLAN_FORCE_TIERS_H_
