#include "agent/kernel/plan/hook_plan.h"

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

// Of hooks that compare a process with what it was.
constexpr char kUndone[] =
    "what was undone between two of fork, exec and exit; threads that do neither";

constexpr char kMappedMaps[] = "maps that are written through memory";

// Every way to open a file that this architecture has a system call for.
std::vector<std::string> OpenPrograms() {
  return {
    "ht_openat_exit", "ht_openat2_exit", "ht_open_by_handle_at_exit",
#if defined(__x86_64__)
        "ht_open_exit", "ht_creat_exit"
#endif
  };
}

std::vector<std::string> OpenHooks() {
  return {
    "tp/syscalls/sys_exit_openat2", "tp/syscalls/sys_exit_open_by_handle_at",
#if defined(__x86_64__)
        "tp/syscalls/sys_exit_open", "tp/syscalls/sys_exit_creat"
#endif
  };
}

// Leaves a candidate with those programs beside its own that the kernel has a hook for.
void TakeOutRefused(const Features& features, HookCandidate* candidate) {
  std::vector<OptionalProgram>& optional = candidate->optional;
  for (auto program = optional.begin(); program != optional.end();) {
    const auto refused = features.refused.find(program->hook);
    if (refused == features.refused.end()) {
      ++program;
      continue;
    }
    candidate->lacks.push_back(absl::StrCat(program->hook, ": ", refused->second));
    program = optional.erase(program);
  }
  std::erase_if(candidate->fallbacks, [&](const FallbackProgram& fallback) {
    return !features.skips_tracepoints || features.refused.count(fallback.hook) != 0;
  });
}

}  // namespace

const std::vector<EventSource>& EventSourceTable() {
  static const auto* const table = new std::vector<EventSource>{
      {"fork",
       {{.hook = "tp_btf/sched_process_fork",
         .programs = {"ht_fork"},
         .fallbacks = {{"ht_fork", "ht_fork_fallback", "kprobe/wake_up_new_task"}}},
        {.hook = "kprobe/wake_up_new_task", .programs = {"ht_fork_fallback"}}}},
      {"exec",
       {{.hook = "tp_btf/sched_process_exec",
         .programs = {"ht_exec"},
         .fallbacks = {{"ht_exec", "ht_exec_fallback", "tp/sched/sched_process_exec"}}},
        {.hook = "tp/sched/sched_process_exec", .programs = {"ht_exec_fallback"}}}},
      {"exit",
       {{.hook = "tp_btf/sched_process_exit",
         .programs = {"ht_exit"},
         .fallbacks = {{"ht_exit", "ht_exit_fallback", "tp/sched/sched_process_exit"}}},
        {.hook = "tp/sched/sched_process_exit", .programs = {"ht_exit_fallback"}}}},
      {"tcp",
       {{.hook = "tp_btf/inet_sock_set_state",
         .programs = {"ht_tcp_state"},
         .fallbacks = {{"ht_tcp_state", "ht_tcp_fallback", "tp/sock/inet_sock_set_state"}}},
        {.hook = "tp/sock/inet_sock_set_state", .programs = {"ht_tcp_fallback"}}}},
      {"accept",
       {{.hook = "fexit/inet_csk_accept",
         .programs = {"ht_accept_fexit"},
         .fallbacks = {{"ht_accept_fexit", "ht_accept_kprobe", "kprobe/security_sock_graft"}}},
        // Not a kretprobe on inet_csk_accept: the few places that the kernel keeps for those who
        // are inside of it are taken by processes that wait to accept.
        {.hook = "kprobe/security_sock_graft", .programs = {"ht_accept_kprobe"}},
        {.hook = "tp_btf/sock_recv_length",
         .programs = {"ht_socket_received", "ht_socket_sent"},
         .also = {"tp_btf/sock_send_length"},
         .inexact = true,
         .misses = {"who accepted a connection that nothing was sent or received on"}},
        {.hook = "tp/syscalls/sys_exit_accept",
         .programs = {"ht_accept_exit", "ht_accept4_exit"},
         .also = {"tp/syscalls/sys_exit_accept4"},
         .optional = {{"ht_io_uring_accepted", "tp_btf/io_uring_complete", "accept by io_uring"}},
         .syscall = true,
         .misses = {"accept by io_uring in series, or that hides its completion"}}}},
      {"file",
       {{.hook = "lsm/file_open", .programs = {"ht_file_open_lsm"}},
        {.hook = "fentry/security_file_open", .programs = {"ht_file_open_fentry"}},
        {.hook = "kprobe/security_file_open", .programs = {"ht_file_open_kprobe"}},
        {.hook = "tp/syscalls/sys_exit_openat",
         .programs = OpenPrograms(),
         .also = OpenHooks(),
         .optional = {{"ht_io_uring_opened", "tp_btf/io_uring_complete", "open by io_uring"}},
         .syscall = true,
         .misses = {"open by io_uring that hides its completion or is closed before it",
                    "whether an open truncated the file"}}}},
      // Into a watched place: what a system call's end shows does not tell the file.
      {"rename",
       {{.hook = "lsm/inode_rename",
         .programs = {"ht_rename_lsm", "ht_link_lsm", "ht_symlink_lsm"},
         .also = {"lsm/inode_link", "lsm/inode_symlink"}},
        {.hook = "fentry/security_inode_rename",
         .programs = {"ht_rename_fentry", "ht_link_fentry", "ht_symlink_fentry"},
         .also = {"fentry/security_inode_link", "fentry/security_inode_symlink"}},
        {.hook = "kprobe/security_inode_rename",
         .programs = {"ht_rename_kprobe", "ht_link_kprobe", "ht_symlink_kprobe"}}}},
      // The last tier is part of the hooks on fork, exec and exit: it compares.
      {"credentials",
       {{.hook = "fentry/commit_creds",
         .programs = {"ht_commit_creds_fentry"},
         .fallbacks = {{"ht_commit_creds_fentry", "ht_commit_creds_kprobe",
                           "kprobe/commit_creds"}}},
        {.hook = "kprobe/commit_creds", .programs = {"ht_commit_creds_kprobe"}},
        {.hook = "tp_btf/sched_process_exec",
         .programs = {"ht_exec", "ht_fork", "ht_exit"},
         .also = {"tp_btf/sched_process_fork", "tp_btf/sched_process_exit"},
         .inexact = true,
         .misses = {kUndone}}}},
      {"namespaces",
       {{.hook = "fentry/switch_task_namespaces",
         .programs = {"ht_switch_namespaces_fentry"},
         .fallbacks = {{"ht_switch_namespaces_fentry", "ht_switch_namespaces_kprobe",
                           "kprobe/switch_task_namespaces"}}},
        {.hook = "kprobe/switch_task_namespaces", .programs = {"ht_switch_namespaces_kprobe"}},
        {.hook = "tp_btf/sched_process_exec",
         .programs = {"ht_exec", "ht_fork", "ht_exit"},
         .also = {"tp_btf/sched_process_fork", "tp_btf/sched_process_exit"},
         .inexact = true,
         .misses = {kUndone}}}},
      // The tracepoint first: it also sees cgroup.kill, which asks no security module.
      {"signals to the sensor",
       {{.hook = "tp_btf/signal_generate", .programs = {"ht_signal_generate"}},
        {.hook = "lsm/task_kill",
         .programs = {"ht_kill_lsm"},
         .inexact = true,
         .misses = {"cgroup.kill"}},
        {.hook = "fentry/security_task_kill",
         .programs = {"ht_kill_fentry"},
         .inexact = true,
         .misses = {"cgroup.kill"}}}},
      // The last tier is part of the hook on signals.
      {"tracing of the sensor",
       {{.hook = "lsm/ptrace_access_check", .programs = {"ht_ptrace_lsm"}},
        {.hook = "fentry/security_ptrace_access_check", .programs = {"ht_ptrace_fentry"}},
        {.hook = "kprobe/security_ptrace_access_check", .programs = {"ht_ptrace_kprobe"}},
        {.hook = "tp_btf/signal_generate",
         .programs = {"ht_signal_generate"},
         .inexact = true,
         .misses = {"everything but PTRACE_ATTACH"}}}},
      {"bpf on the sensor",
       {{.hook = "lsm/bpf",
         .programs = {"ht_bpf_lsm"},
         .optional = {{"ht_map_mmap_fentry", "fentry/bpf_map_mmap", kMappedMaps}}},
        {.hook = "fentry/security_bpf",
         .programs = {"ht_bpf_fentry"},
         .optional = {{"ht_map_mmap_fentry", "fentry/bpf_map_mmap", kMappedMaps}}},
        {.hook = "kprobe/security_bpf",
         .programs = {"ht_bpf_kprobe"},
         .optional = {{"ht_map_mmap_kprobe", "kprobe/bpf_map_mmap", kMappedMaps}}},
        {.hook = "tp/syscalls/sys_exit_bpf",
         .programs = {"ht_bpf_exit"},
         .syscall = true,
         .misses = {"what was refused", kMappedMaps,
                    "descriptors that another thread changes meanwhile"}}}},
      {"unix connect",
       {{.hook = "fexit/unix_stream_connect",
         .programs = {"ht_unix_stream", "ht_unix_dgram"},
         .also = {"fexit/unix_dgram_connect"}},
        {.hook = "kretprobe/unix_stream_connect",
         .programs = {"ht_unix_stream_kprobe", "ht_unix_dgram_kprobe", "ht_unix_stream_kretprobe",
                      "ht_unix_dgram_kretprobe"},
         .also = {"kprobe/unix_stream_connect", "kprobe/unix_dgram_connect",
                  "kretprobe/unix_dgram_connect"}},
        {.hook = "tp/syscalls/sys_exit_connect",
         .programs = {"ht_connect_exit"},
         .optional = {{"ht_io_uring_connected", "tp_btf/io_uring_complete", "connect by io_uring"}},
         .syscall = true,
         .misses = {"connect by io_uring that hides its completion"}}}},
      {"datagram flows",
       {{.hook = "fexit/udp_sendmsg",
         .programs = {"ht_udp_sent"},
         .optional = {{"ht_udp6_sent", "fexit/udpv6_sendmsg", "UDP over IPv6"},
                      {"ht_raw_sent", "fexit/raw_sendmsg", "raw IPv4"},
                      {"ht_raw6_sent", "fexit/rawv6_sendmsg", "raw IPv6"},
                      {"ht_ping_sent", "fexit/ping_v4_sendmsg", "ping sockets of IPv4"},
                      {"ht_ping6_sent", "fexit/ping_v6_sendmsg", "ping sockets of IPv6"},
                      {"ht_frames_sent", "fexit/packet_sendmsg", "frames of packet sockets"}}},
        {.hook = "cgroup_skb/egress",
         .programs = {"ht_egress"},
         .misses = {"frames of packet sockets"}}}},
      {"socket handover",
       {{.hook = "fentry/security_file_receive", .programs = {"ht_file_received_fentry"}},
        {.hook = "kprobe/security_file_receive", .programs = {"ht_file_received_kprobe"}},
        {.hook = "tp_btf/sock_recv_length",
         .programs = {"ht_socket_received", "ht_socket_sent"},
         .also = {"tp_btf/sock_send_length"},
         .inexact = true,
         .misses = {"a socket that its new holder neither sends nor receives on"}}}},
      {"running processes", {{.hook = "iter/task", .programs = {"ht_snapshot_processes"}}}},
      {"open sockets", {{.hook = "iter/task_file", .programs = {"ht_snapshot_sockets"}}}},
  };
  return *table;
}

std::vector<PlannedSource> MakePlan(const Features& features, SyscallHooks syscall_hooks,
                                  const ForcedTiers& forced) {
  std::vector<PlannedSource> plan;
  for (const EventSource& source : EventSourceTable()) {
    PlannedSource planned{.source = source.source};
    const auto force = forced.find(source.source);
    for (const HookCandidate& candidate : source.candidates) {
      if (force != forced.end() && TierOf(source.source, candidate.hook) != force->second) {
        planned.refusals.push_back(absl::StrCat(candidate.hook, ": ", kNotTried));
        continue;
      }
      const std::string refusal = RefusalOf(candidate, features, syscall_hooks);
      if (!refusal.empty()) {
        planned.refusals.push_back(absl::StrCat(candidate.hook, ": ", refusal));
        continue;
      }
      planned.candidates.push_back(candidate);
      TakeOutRefused(features, &planned.candidates.back());
    }
    if (syscall_hooks == SyscallHooks::kAlways) {
      std::stable_partition(planned.candidates.begin(), planned.candidates.end(),
                            [](const HookCandidate& candidate) { return !candidate.inexact; });
    }
    plan.push_back(std::move(planned));
  }
  return plan;
}

std::vector<std::string> MissesOf(const std::string& source, const std::string& hook,
                                  const std::set<std::string>& optional) {
  std::vector<std::string> misses;
  for (const EventSource& row : EventSourceTable()) {
    if (row.source != source) continue;
    for (const HookCandidate& candidate : row.candidates) {
      if (candidate.hook != hook) continue;
      for (const OptionalProgram& program : candidate.optional) {
        if (optional.count(program.program) == 0) misses.push_back(program.without);
      }
      misses.insert(misses.end(), candidate.misses.begin(), candidate.misses.end());
    }
  }
  return misses;
}

uint32_t TierOf(const std::string& source, const std::string& hook) {
  for (const EventSource& row : EventSourceTable()) {
    if (row.source != source) continue;
    for (size_t i = 0; i < row.candidates.size(); ++i) {
      if (row.candidates[i].hook == hook) return static_cast<uint32_t>(i + 1);
    }
  }
  return 0;
}

}  // namespace hoptrail::agent::kernel
