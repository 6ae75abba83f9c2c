#ifndef HOPTRAIL_AGENT_KERNEL_PLAN_HOOK_TABLE_H_
#define HOPTRAIL_AGENT_KERNEL_PLAN_HOOK_TABLE_H_

// Which programs and hooks serve which event source, best first. Data only: whatever is special
// about one program or hook is a field of its row, so that no other file compares their names.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bpf/abi/events.h"

namespace hoptrail::agent::kernel {

// A variable of the kernel side (bpf/) that says which programs are attached.
enum class KernelFlag {
  kExitFirst,         // ht_exit_first
  kAcceptByUse,       // ht_accept_by_use
  kHandoverByUse,     // ht_handover_by_use
  kTcpAttachedTwice,  // ht_tcp_attached_twice; may change while the programs are attached
};

// A field of a kernel struct without which a hook is useless.
struct NeededField {
  std::string struct_name;
  std::string field;
  std::string without;  // why the hook is refused on a kernel that lacks the field
};

// A program that makes an event source more complete, where the kernel has its hook.
struct OptionalProgram {
  std::string program;
  std::string hook;
  std::string without;               // what is not seen where it is missing
  std::optional<NeededField> needs;  // of the hook
};

enum class FallbackStart {
  kAfterMiss,      // with the first recursion miss of the program that it stands beside
  kIfPreemptible,  // from the beginning, where the kernel may preempt programs on tracepoints
};

// A program that makes the records that another program's recursion misses leave out, and no record
// twice (docs/decisions/0010-recursion-misses.md).
struct FallbackProgram {
  std::string of;  // the other program
  std::string program;
  std::string hook;
  FallbackStart start = FallbackStart::kAfterMiss;
  std::optional<KernelFlag> flag;  // true while the program is attached beside the other
};

// One method to learn an event source.
struct HookCandidate {
  std::string hook;  // "tp_btf/sock_recv_length": the one that is probed and reported
  // The programs that must load and attach. One program may serve several event sources.
  std::vector<std::string> programs;
  std::vector<std::string> also;  // further hooks that these programs need
  std::vector<OptionalProgram> optional;
  std::vector<FallbackProgram> fallbacks;  // where the kernel has their hooks
  std::optional<KernelFlag> flag;          // true where this candidate is used
  bool syscall = false;                    // the hook makes every system call slower
  bool inexact = false;                    // it sees less than a hook on the system call
  std::vector<std::string> misses;         // what it does not see even with all optional programs
  // "hook: why" of optional programs that it must do without. Empty in the table.
  std::vector<std::string> lacks;
};

// The objects that an event source's iterators walk over; see snapshot/snapshot.h.
enum class WalkedObjects { kNone, kProcesses, kSockets };

struct EventSource {
  std::string source;
  ht_type record_type;  // of the records that its programs make
  WalkedObjects walks = WalkedObjects::kNone;
  std::vector<HookCandidate> candidates;  // best first
};

// Every event source with its hooks. The order of a source's candidates is the order of preference.
const std::vector<EventSource>& EventSourceTable();

// Every hook of the table, with the field that it needs if it needs one.
std::map<std::string, std::optional<NeededField>> HooksOfTable();

// The events that `hook` of an event source does not see if only the optional programs `optional`
// are attached.
std::vector<std::string> MissesOf(const std::string& source, const std::string& hook,
                                  const std::set<std::string>& optional);

// The position of a hook among its event source's candidates, from 1; 0 where it is not there.
uint32_t TierOf(const std::string& source, const std::string& hook);

// The program whose iterator walks over `objects`.
const std::string& WalkingProgram(WalkedObjects objects);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PLAN_HOOK_TABLE_H_
