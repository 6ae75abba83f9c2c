#ifndef HOPTRAIL_AGENT_KERNEL_PROGRAMS_FEATURES_H_
#define HOPTRAIL_AGENT_KERNEL_PROGRAMS_FEATURES_H_

// What the running kernel lets this process do, found out by trying: for every hook of the table
// an empty program is loaded and attached, and taken off again. No version is ever compared.

#include "absl/status/status.h"

#include "agent/kernel/plan/hook_plan.h"

namespace hoptrail::agent::kernel {

// Ok when the process has what loading takes. PERMISSION_DENIED names the missing capability,
// FAILED_PRECONDITION the missing kernel feature.
absl::Status CheckPrerequisites();

// Tries every hook of EventSourceTable(), the first time that it is called in a process: what the kernel
// refuses then it refuses later. Takes some milliseconds; blocks on system calls only.
const Features& ProbeFeatures();

// Mounts tracefs and securityfs, without which some hooks cannot be found, if nothing has yet.
// Best effort.
void EnsureTracefs();

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PROGRAMS_FEATURES_H_
