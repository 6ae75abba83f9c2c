#include "agent/kernel/hook_plan.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace hoptrail::agent::kernel {
namespace {

// Why a candidate cannot be used, or empty.
std::string RefusalOf(const HookCandidate& candidate, const Features& features,
                      SyscallHooks syscall_hooks) {
  if (candidate.syscall && syscall_hooks == SyscallHooks::kNever) {
    return "switched off by syscall_hooks: never";
  }
  if (auto refused = features.refused.find(candidate.hook); refused != features.refused.end()) {
    return refused->second;
  }
  for (const std::string& hook : candidate.also) {
    if (auto refused = features.refused.find(hook); refused != features.refused.end()) {
      return absl::StrCat(hook, ": ", refused->second);
    }
  }
  return "";
}

}  // namespace

const std::vector<FactHooks>& FactTable() {
  static const auto* const table = new std::vector<FactHooks>{
      {"fork", {{.hook = "tp_btf/sched_process_fork", .programs = {"ht_fork"}}}},
      {"exec", {{.hook = "tp_btf/sched_process_exec", .programs = {"ht_exec"}}}},
      {"exit", {{.hook = "tp_btf/sched_process_exit", .programs = {"ht_exit"}}}},
      {"tcp", {{.hook = "tp_btf/inet_sock_set_state", .programs = {"ht_tcp_state"}}}},
      {"accept",
       {{.hook = "fexit/inet_csk_accept", .programs = {"ht_accept_fexit"}},
        // Not a kretprobe on inet_csk_accept: the few places that the kernel keeps for those who
        // are inside of it are taken by processes that wait to accept.
        {.hook = "kprobe/security_sock_graft", .programs = {"ht_accept_kprobe"}},
        {.hook = "tp_btf/sock_recv_length",
         .programs = {"ht_socket_received", "ht_socket_sent"},
         .also = {"tp_btf/sock_send_length"},
         .inexact = true},
        {.hook = "tp/syscalls/sys_exit_accept",
         .programs = {"ht_accept_exit", "ht_accept4_exit"},
         .also = {"tp/syscalls/sys_exit_accept4"},
         .syscall = true}}},
      {"socket handover",
       {{.hook = "fentry/security_file_receive", .programs = {"ht_file_received_fentry"}},
        {.hook = "kprobe/security_file_receive", .programs = {"ht_file_received_kprobe"}},
        {.hook = "tp_btf/sock_recv_length",
         .programs = {"ht_user_received", "ht_user_sent"},
         .also = {"tp_btf/sock_send_length"},
         .inexact = true}}},
      {"running processes", {{.hook = "iter/task", .programs = {"ht_snapshot_processes"}}}},
      {"open sockets", {{.hook = "iter/task_file", .programs = {"ht_snapshot_sockets"}}}},
  };
  return *table;
}

std::vector<PlannedFact> MakePlan(const Features& features, SyscallHooks syscall_hooks,
                                  const ForcedTiers& forced) {
  std::vector<PlannedFact> plan;
  for (const FactHooks& fact : FactTable()) {
    PlannedFact planned{.fact = fact.fact};
    const auto force = forced.find(fact.fact);
    for (const HookCandidate& candidate : fact.candidates) {
      if (force != forced.end() && TierOf(fact.fact, candidate.hook) != force->second) {
        planned.refusals.push_back(absl::StrCat(candidate.hook, ": ", kNotTried));
        continue;
      }
      const std::string refusal = RefusalOf(candidate, features, syscall_hooks);
      if (refusal.empty()) {
        planned.candidates.push_back(candidate);
      } else {
        planned.refusals.push_back(absl::StrCat(candidate.hook, ": ", refusal));
      }
    }
    if (syscall_hooks == SyscallHooks::kAlways) {
      std::stable_partition(planned.candidates.begin(), planned.candidates.end(),
                            [](const HookCandidate& candidate) { return !candidate.inexact; });
    }
    plan.push_back(std::move(planned));
  }
  return plan;
}

uint32_t TierOf(const std::string& fact, const std::string& hook) {
  for (const FactHooks& row : FactTable()) {
    if (row.fact != fact) continue;
    for (size_t i = 0; i < row.candidates.size(); ++i) {
      if (row.candidates[i].hook == hook) return static_cast<uint32_t>(i + 1);
    }
  }
  return 0;
}

}  // namespace hoptrail::agent::kernel
