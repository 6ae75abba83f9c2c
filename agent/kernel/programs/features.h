#ifndef HOPTRAIL_AGENT_KERNEL_PROGRAMS_FEATURES_H_
#define HOPTRAIL_AGENT_KERNEL_PROGRAMS_FEATURES_H_

// Probes what the running kernel allows this process. For every hook of the table an empty program
// is loaded and attached, and detached again, or, for hooks through perf, their existence is
// checked. How the kernel treats programs on tracepoints shows in its type information
// (kernel_types.h). No kernel release is ever compared.

#include "absl/status/status.h"

#include "agent/kernel/plan/hook_plan.h"

namespace hoptrail::agent::kernel {

// OK when the process and the kernel have all that loading programs needs. PERMISSION_DENIED names
// the missing capability, FAILED_PRECONDITION the missing kernel feature.
absl::Status CheckPrerequisites();

// Tries every hook of the table in the first call in a process; later calls return the same result.
// Takes some milliseconds.
const Features& ProbeFeatures();

// Mounts tracefs and securityfs where they are not mounted yet, because some hooks cannot be found
// without them. Best effort: the hooks that need them report their absence.
void EnsureTracefs();

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PROGRAMS_FEATURES_H_
