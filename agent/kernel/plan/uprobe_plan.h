#ifndef HOPTRAIL_AGENT_KERNEL_PLAN_UPROBE_PLAN_H_
#define HOPTRAIL_AGENT_KERNEL_PLAN_UPROBE_PLAN_H_

// Which functions of shared libraries are probed, or a program's own calls of such functions, and
// how: a table and pure functions.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "bpf/abi/events.h"

#include "agent/kernel/plan/hook_plan.h"

namespace hoptrail::agent::kernel {

// One function of a shared library that a program of the sensor is attached to.
struct UprobeProbe {
  std::string program;
  std::string function;
  bool at_return = false;
};

// An event source that is learnt from calls of a library's functions.
struct UprobeSource {
  std::string source;
  ht_type record_type;  // of the records that its programs make
  std::string target;   // the part of its hooks after the slash: "libpam"
  std::string library;  // file name
  // How the names of other files begin that may have the functions: other builds of the library.
  std::vector<std::string> other_libraries;
  // `library` is a program, in a directory for programs. Its calls of the functions are probed, at
  // its linkage table.
  bool in_program = false;
  // The program whose processes may have loaded the library from elsewhere: NAME, or NAME-….
  std::string caller;
  // A running caller without the library makes the event source blind for it.
  bool caller_needs_library = false;
  std::vector<UprobeProbe> probes;
  bool all_needed = true;  // or one of the probes is enough
};

const std::vector<UprobeSource>& UprobeTable();

// The programs of all rows.
std::set<std::string> UprobePrograms();

// Whether a process with this command (task_struct::comm) is one of the row's callers.
bool IsCaller(const UprobeSource& source, absl::string_view command);

// Whether a file of this name may have the row's functions.
bool MayHaveFunctions(const UprobeSource& source, absl::string_view file_name);

// The methods to attach uprobes, as tiers of each row; 0: not at all.
inline constexpr uint32_t kUprobeMultiTier = 1;  // BPF links, Linux 6.6
inline constexpr uint32_t kUprobePerfTier = 2;   // perf_event_open(2)

// "uprobe_multi/libpam"; the second tier is "uprobe/libpam".
std::string UprobeHook(const UprobeSource& source, uint32_t tier);

// How the programs of one event source are attached.
struct UprobeMethod {
  uint32_t tier = 0;
  std::vector<std::string> refusals;  // "hook: why"
};

// The method for each event source. `uprobe_multi`: OK where the kernel has it, or why not. Pure.
std::map<std::string, UprobeMethod> PlanUprobes(const absl::Status& uprobe_multi,
                                                const ForcedTiers& forced);

// Whether `program` is attached by uprobe_multi.
bool IsForUprobeMulti(const std::string& program,
                      const std::map<std::string, UprobeMethod>& methods);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PLAN_UPROBE_PLAN_H_
