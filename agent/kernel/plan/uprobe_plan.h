#ifndef HOPTRAIL_AGENT_KERNEL_PLAN_UPROBE_PLAN_H_
#define HOPTRAIL_AGENT_KERNEL_PLAN_UPROBE_PLAN_H_

// What is learnt from the callers of shared libraries, and how: data and a pure function.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"

#include "agent/kernel/plan/hook_plan.h"

namespace hoptrail::agent::kernel {

// One place in a shared library where a program is attached.
struct UprobeProbe {
  std::string program;
  std::string function;
  bool at_return = false;
};

// An event source that is learnt from what a library's callers say.
struct UprobeSource {
  std::string source;
  std::string target;   // of the hook, as reported: "uprobe_multi/libpam"
  std::string library;  // file name
  std::vector<UprobeProbe> probes;
  bool all_needed = true;  // or one of them is enough
};

const std::vector<UprobeSource>& UprobeTable();

// How the programs of one event source are attached.
struct UprobeMethod {
  uint32_t tier = 0;                  // 1: uprobe_multi, 2: uprobe, 0: not at all
  std::vector<std::string> refusals;  // "hook: why"
};

// Fact → way. `uprobe_multi`: whether the kernel has that, or why not. Pure.
std::map<std::string, UprobeMethod> PlanUprobes(const absl::Status& uprobe_multi,
                                                const ForcedTiers& forced);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PLAN_UPROBE_PLAN_H_
