#ifndef HOPTRAIL_AGENT_KERNEL_PLAN_HOOK_PLAN_H_
#define HOPTRAIL_AGENT_KERNEL_PLAN_HOOK_PLAN_H_

// Which hooks can serve which event source, best first, and what is left of that on a given kernel. Data
// and one pure function: nothing here touches the kernel.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/model/fact.h"

namespace hoptrail::agent::kernel {

// Whether a hook on a system call, which makes every system call of the host slower, may be used.
enum class SyscallHooks {
  kAuto,    // as the last resort
  kNever,   // not at all; the source may stay blind
  kAlways,  // before hooks that see less than it does
};

// A program that tells more of an event source, where the kernel has its hook.
struct OptionalProgram {
  std::string program;
  std::string hook;
  std::string without;  // what is not seen where it is missing
};

// A program that tells what a candidate's program was skipped for (docs/decisions/0010), and
// nothing that it has told. Attached as soon as the kernel has recursion misses of that, or from the
// beginning.
struct FallbackProgram {
  std::string of;  // the program
  std::string program;
  std::string hook;
};

// One way to learn an event source.
struct HookCandidate {
  std::string hook;  // "tp_btf/sock_recv_length": what is probed and reported
  // The programs that must load and attach for it; one may serve several event sources.
  std::vector<std::string> programs;
  std::vector<std::string> also;  // further hooks that these programs need
  std::vector<OptionalProgram> optional;
  std::vector<FallbackProgram> fallbacks;  // where the kernel has their hooks
  bool syscall = false;
  bool inexact = false;             // sees less than a hook on the system call would
  std::vector<std::string> misses;  // what it does not see even with every optional program
  // Of a planned one: "hook: why" of the optional programs that it has to do without.
  std::vector<std::string> lacks;
};

struct EventSource {
  std::string source;
  std::vector<HookCandidate> candidates;  // best first
};

// The table of design.md, "Kernel side".
const std::vector<EventSource>& EventSourceTable();

// What the running kernel refuses: hook → why. A hook that is not here can be used.
struct Features {
  std::map<std::string, std::string> refused;
  // The kernel skips a tracepoint's program that is running already, and says how often.
  bool skips_tracepoints = true;
  // Whoever is preempted in a tracepoint's program keeps it from running for others.
  bool preempts_tracepoints = false;
};

// What to try for one event source, and what was given up already.
struct PlannedSource {
  std::string source;
  std::vector<HookCandidate> candidates;  // in the order in which to try them
  std::vector<std::string> refusals;      // "hook: why"
};

// Fact → the only tier that may be tried for it. For tests and for finding faults.
using ForcedTiers = std::map<std::string, uint32_t>;

std::vector<PlannedSource> MakePlan(const Features& features, SyscallHooks syscall_hooks,
                                  const ForcedTiers& forced = {});

// Why a hook of another tier than the forced one is left out.
inline constexpr char kNotTried[] = "not tried: --force-tier";

// What of an event source is not seen by `hook` where only the optional programs `optional` are attached.
std::vector<std::string> MissesOf(const std::string& source, const std::string& hook,
                                  const std::set<std::string>& optional);

// The position of a hook in the table, from 1; 0 where it is not there.
uint32_t TierOf(const std::string& source, const std::string& hook);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PLAN_HOOK_PLAN_H_
