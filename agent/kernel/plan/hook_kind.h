#ifndef HOPTRAIL_AGENT_KERNEL_PLAN_HOOK_KIND_H_
#define HOPTRAIL_AGENT_KERNEL_PLAN_HOOK_KIND_H_

#include <string>

#include "absl/strings/string_view.h"

namespace hoptrail::agent::kernel {

// How the kernel calls a program: the part of a hook's text before the slash.
enum class HookKind {
  kUnknown,
  kBtfTracepoint,  // tp_btf
  kFentry,
  kFexit,
  kLsm,
  kIterator,    // iter
  kKprobe,      // kprobe and kretprobe
  kTracepoint,  // tp, through perf
  kCgroupSkb,   // cgroup_skb
};

struct ParsedHook {
  HookKind kind = HookKind::kUnknown;
  std::string target;  // "inet_csk_accept"; of a tracepoint "sched/sched_process_exec"
};

// "fexit/inet_csk_accept" as its parts. A hook without a slash, or with a kind that is not listed
// above, is kUnknown.
ParsedHook ParseHook(absl::string_view hook);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PLAN_HOOK_KIND_H_
