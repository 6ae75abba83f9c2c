#ifndef HOPTRAIL_AGENT_KERNEL_PLAN_HOOK_PLAN_H_
#define HOPTRAIL_AGENT_KERNEL_PLAN_HOOK_PLAN_H_

// Plans which rows of the hook table can be used on a given kernel. Pure functions:
// nothing here calls the kernel.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/kernel/plan/hook_table.h"

namespace hoptrail::agent::kernel {

// Whether hooks on system calls, which make every system call of the host slower, may be used.
enum class SyscallHooks {
  kAuto,    // as the last tier
  kNever,   // never, even if an event source stays blind
  kAlways,  // before hooks that see less
};

// The abilities of the running kernel; see programs/features.h.
struct Features {
  // Hook → why the kernel refuses it. All other hooks can be used.
  std::map<std::string, std::string> refused;
  // The kernel does not run a tracepoint's program while the same program runs on the same CPU, and
  // counts that as a recursion miss.
  bool skips_tracepoints = true;
  // The kernel may preempt a tracepoint's program, which then causes recursion misses for the other
  // processes of that CPU.
  bool preempts_tracepoints = false;
};

// The candidates that are left for an event source, and why others are not.
struct PlannedSource {
  std::string source;
  std::vector<HookCandidate> candidates;  // in the order in which to try them
  std::vector<std::string> refusals;      // "hook: why"
};

// Event source → the only tier that may be tried for it. For tests and for troubleshooting.
using ForcedTiers = std::map<std::string, uint32_t>;

std::vector<PlannedSource> MakePlan(const Features& features, SyscallHooks syscall_hooks,
                                    const ForcedTiers& forced = {});

// Why a hook of another tier than the forced one is left out.
inline constexpr char kNotTried[] = "not tried: --force-tier";

// The following are about the candidates to try next: the first of each event source.

// Their programs, the optional and the fallback programs included.
std::set<std::string> ProgramsOf(const std::vector<PlannedSource>& plan);

// The flags that are true while they are used, apart from those of fallback programs.
std::set<KernelFlag> FlagsOf(const std::vector<PlannedSource>& plan);

// Their fallback programs.
std::vector<FallbackProgram> FallbacksOf(const std::vector<PlannedSource>& plan);

// Those fallback programs that are attached from the beginning. `sources`: event sources whose
// fallback programs are among them whatever the table says, where the kernel may preempt.
std::vector<FallbackProgram> FallbacksAtOnce(const std::vector<PlannedSource>& plan,
                                             const Features& features,
                                             const std::set<std::string>& sources);

// Removes all candidates that need `program` from the plan, and `program` from those that can do
// without it. `reason`: why the kernel refused it.
void RemoveProgram(const std::string& program, const std::string& reason,
                   std::vector<PlannedSource>* plan);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PLAN_HOOK_PLAN_H_
