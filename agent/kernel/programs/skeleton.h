#ifndef HOPTRAIL_AGENT_KERNEL_PROGRAMS_SKELETON_H_
#define HOPTRAIL_AGENT_KERNEL_PROGRAMS_SKELETON_H_

// The object file with all programs, opened and configured, not loaded yet. Only for this
// directory: it shows libbpf.

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "agent/kernel/plan/hook_plan.h"
#include "agent/kernel/plan/options.h"
#include "agent/kernel/plan/uprobe_plan.h"

struct sensor_bpf;

namespace hoptrail::agent::kernel {

struct SkeletonDeleter {
  void operator()(sensor_bpf* skeleton) const;
};
using SkeletonPtr = std::unique_ptr<sensor_bpf, SkeletonDeleter>;

// Marks the programs `wanted`, which serve `plan`, to be loaded, and sets every table size and
// constant as the options say.
absl::StatusOr<SkeletonPtr> OpenSkeleton(const SensorOptions& options,
                                         const std::vector<PlannedSource>& plan,
                                         const std::set<std::string>& wanted,
                                         const std::map<std::string, UprobeMethod>& methods);

// Once the programs are loaded, only flags that may change while they are attached may be set.
void SetFlag(sensor_bpf* skeleton, KernelFlag flag, bool value);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PROGRAMS_SKELETON_H_
