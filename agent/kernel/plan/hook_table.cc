#include "agent/kernel/plan/hook_table.h"

namespace hoptrail::agent::kernel {
namespace {

// The misses of hooks that compare a process with its state before.
constexpr char kUndone[] =
    "what was undone between two of fork, exec and exit; threads that do neither";

constexpr char kMappedMaps[] = "maps that are written through memory";

// The programs for all system calls of this architecture that open files, and their hooks but for
// the first one's.
std::vector<std::string> OpenPrograms() {
  return {
    "ht_openat_exit", "ht_openat2_exit", "ht_open_by_handle_at_exit",
#if defined(__x86_64__)
        "ht_open_exit", "ht_creat_exit"
#endif
  };
}

// One set of programs looks at who gets the right to trace. The last tier is part of the hook on
// signals.
std::vector<HookCandidate> TracingHooks() {
  return {{.hook = "lsm/ptrace_access_check", .programs = {"ht_ptrace_lsm"}},
          {.hook = "fentry/security_ptrace_access_check", .programs = {"ht_ptrace_fentry"}},
          {.hook = "kprobe/security_ptrace_access_check", .programs = {"ht_ptrace_kprobe"}},
          {.hook = "tp_btf/signal_generate",
           .programs = {"ht_signal_generate"},
           .inexact = true,
           .misses = {"everything but PTRACE_ATTACH"}}};
}

std::vector<std::string> OpenHooks() {
  return {
    "tp/syscalls/sys_exit_openat2", "tp/syscalls/sys_exit_open_by_handle_at",
#if defined(__x86_64__)
        "tp/syscalls/sys_exit_open", "tp/syscalls/sys_exit_creat"
#endif
  };
}

// The tracepoint passes the completed request since 5.19, when requests got their own completion
// entry.
OptionalProgram OnIoUringCompletion(const char* program, const char* without) {
  return {.program = program,
          .hook = "tp_btf/io_uring_complete",
          .without = without,
          .needs = NeededField{"io_kiocb", "cqe", "does not say which request has completed"}};
}

}  // namespace

const std::vector<EventSource>& EventSourceTable() {
  static const auto* const table = new std::vector<EventSource>{
      {.source = "fork",
       .record_type = HT_TYPE_FORK,
       .candidates = {{.hook = "tp_btf/sched_process_fork",
                       .programs = {"ht_fork"},
                       .fallbacks = {{.of = "ht_fork",
                                      .program = "ht_fork_fallback",
                                      .hook = "kprobe/wake_up_new_task",
                                      .start = FallbackStart::kIfPreemptible}}},
                      {.hook = "kprobe/wake_up_new_task", .programs = {"ht_fork_fallback"}}}},
      {.source = "exec",
       .record_type = HT_TYPE_EXEC,
       .candidates = {{.hook = "tp_btf/sched_process_exec",
                       .programs = {"ht_exec"},
                       .fallbacks = {{.of = "ht_exec",
                                      .program = "ht_exec_fallback",
                                      .hook = "tp/sched/sched_process_exec",
                                      .start = FallbackStart::kIfPreemptible}}},
                      {.hook = "tp/sched/sched_process_exec", .programs = {"ht_exec_fallback"}}}},
      {.source = "exit",
       .record_type = HT_TYPE_EXIT,
       .candidates = {{.hook = "tp_btf/sched_process_exit",
                       .programs = {"ht_exit"},
                       .fallbacks = {{.of = "ht_exit",
                                      .program = "ht_exit_fallback",
                                      .hook = "tp/sched/sched_process_exit",
                                      .start = FallbackStart::kIfPreemptible}},
                       .flag = KernelFlag::kExitFirst},
                      {.hook = "tp/sched/sched_process_exit", .programs = {"ht_exit_fallback"}}}},
      {.source = "tcp",
       .record_type = HT_TYPE_TCP,
       .candidates = {{.hook = "tp_btf/inet_sock_set_state",
                       .programs = {"ht_tcp_state"},
                       .fallbacks = {{.of = "ht_tcp_state",
                                      .program = "ht_tcp_fallback",
                                      .hook = "tp/sock/inet_sock_set_state",
                                      .flag = KernelFlag::kTcpAttachedTwice}}},
                      {.hook = "tp/sock/inet_sock_set_state", .programs = {"ht_tcp_fallback"}}}},
      {.source = "accept",
       .record_type = HT_TYPE_ACCEPT,
       .candidates =
           {{.hook = "fexit/inet_csk_accept",
             .programs = {"ht_accept_fexit"},
             .fallbacks = {{.of = "ht_accept_fexit",
                            .program = "ht_accept_kprobe",
                            .hook = "kprobe/security_sock_graft"}}},
            // Not a kretprobe on inet_csk_accept: processes that wait to accept would take all of
            // the few instances that the kernel keeps for calls in progress.
            {.hook = "kprobe/security_sock_graft", .programs = {"ht_accept_kprobe"}},
            {.hook = "tp_btf/sock_recv_length",
             .programs = {"ht_socket_received", "ht_socket_sent"},
             .also = {"tp_btf/sock_send_length"},
             .flag = KernelFlag::kAcceptByUse,
             .inexact = true,
             .misses = {"who accepted a connection that nothing was sent or received on"}},
            {.hook = "tp/syscalls/sys_exit_accept",
             .programs = {"ht_accept_exit", "ht_accept4_exit"},
             .also = {"tp/syscalls/sys_exit_accept4"},
             .optional = {OnIoUringCompletion("ht_io_uring_accepted", "accept by io_uring")},
             .syscall = true,
             .misses = {"accept by io_uring in series, or that hides its completion"}}}},
      {.source = "file",
       .record_type = HT_TYPE_FILE,
       .candidates =
           {{.hook = "lsm/file_open", .programs = {"ht_file_open_lsm"}},
            {.hook = "fentry/security_file_open", .programs = {"ht_file_open_fentry"}},
            {.hook = "kprobe/security_file_open", .programs = {"ht_file_open_kprobe"}},
            {.hook = "tp/syscalls/sys_exit_openat",
             .programs = OpenPrograms(),
             .also = OpenHooks(),
             .optional = {OnIoUringCompletion("ht_io_uring_opened", "open by io_uring")},
             .syscall = true,
             .misses = {"open by io_uring that hides its completion or is closed before it",
                        "whether an open truncated the file"}}}},
      // Renames and links into a watched place. The end of a system call does not show the file.
      {.source = "rename",
       .record_type = HT_TYPE_FILE,
       .candidates = {{.hook = "lsm/inode_rename",
                       .programs = {"ht_rename_lsm", "ht_link_lsm", "ht_symlink_lsm"},
                       .also = {"lsm/inode_link", "lsm/inode_symlink"}},
                      {.hook = "fentry/security_inode_rename",
                       .programs = {"ht_rename_fentry", "ht_link_fentry", "ht_symlink_fentry"},
                       .also = {"fentry/security_inode_link", "fentry/security_inode_symlink"}},
                      {.hook = "kprobe/security_inode_rename",
                       .programs = {"ht_rename_kprobe", "ht_link_kprobe", "ht_symlink_kprobe"}}}},
      // The last tier compares credentials in the hooks on fork, exec and exit.
      {.source = "credentials",
       .record_type = HT_TYPE_CREDENTIALS,
       .candidates = {{.hook = "fentry/commit_creds",
                       .programs = {"ht_commit_creds_fentry"},
                       .fallbacks = {{.of = "ht_commit_creds_fentry",
                                      .program = "ht_commit_creds_kprobe",
                                      .hook = "kprobe/commit_creds"}}},
                      {.hook = "kprobe/commit_creds", .programs = {"ht_commit_creds_kprobe"}},
                      {.hook = "tp_btf/sched_process_exec",
                       .programs = {"ht_exec", "ht_fork", "ht_exit"},
                       .also = {"tp_btf/sched_process_fork", "tp_btf/sched_process_exit"},
                       .inexact = true,
                       .misses = {kUndone}}}},
      {.source = "namespaces",
       .record_type = HT_TYPE_NAMESPACES,
       .candidates = {{.hook = "fentry/switch_task_namespaces",
                       .programs = {"ht_switch_namespaces_fentry"},
                       .fallbacks = {{.of = "ht_switch_namespaces_fentry",
                                      .program = "ht_switch_namespaces_kprobe",
                                      .hook = "kprobe/switch_task_namespaces",
                                      .start = FallbackStart::kIfPreemptible}}},
                      {.hook = "kprobe/switch_task_namespaces",
                       .programs = {"ht_switch_namespaces_kprobe"}},
                      {.hook = "tp_btf/sched_process_exec",
                       .programs = {"ht_exec", "ht_fork", "ht_exit"},
                       .also = {"tp_btf/sched_process_fork", "tp_btf/sched_process_exit"},
                       .inexact = true,
                       .misses = {kUndone}}}},
      // The tracepoint is first because it also sees cgroup.kill, which calls no security module.
      {.source = "signals to the sensor",
       .record_type = HT_TYPE_TAMPERING,
       .candidates = {{.hook = "tp_btf/signal_generate", .programs = {"ht_signal_generate"}},
                      {.hook = "lsm/task_kill",
                       .programs = {"ht_kill_lsm"},
                       .inexact = true,
                       .misses = {"cgroup.kill"}},
                      {.hook = "fentry/security_task_kill",
                       .programs = {"ht_kill_fentry"},
                       .inexact = true,
                       .misses = {"cgroup.kill"}}}},
      {.source = "tracing of the sensor",
       .record_type = HT_TYPE_TAMPERING,
       .candidates = TracingHooks()},
      // The same programs, for processes of other sessions.
      {.source = "tracing", .record_type = HT_TYPE_TRACE, .candidates = TracingHooks()},
      {.source = "bpf on the sensor",
       .record_type = HT_TYPE_TAMPERING,
       .candidates = {{.hook = "lsm/bpf",
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
      {.source = "unix connect",
       .record_type = HT_TYPE_UNIX_CONNECT,
       .candidates = {{.hook = "fexit/unix_stream_connect",
                       .programs = {"ht_unix_stream", "ht_unix_dgram"},
                       .also = {"fexit/unix_dgram_connect"}},
                      {.hook = "kretprobe/unix_stream_connect",
                       .programs = {"ht_unix_stream_kprobe", "ht_unix_dgram_kprobe",
                                    "ht_unix_stream_kretprobe", "ht_unix_dgram_kretprobe"},
                       .also = {"kprobe/unix_stream_connect", "kprobe/unix_dgram_connect",
                                "kretprobe/unix_dgram_connect"}},
                      {.hook = "tp/syscalls/sys_exit_connect",
                       .programs = {"ht_connect_exit"},
                       .optional = {OnIoUringCompletion("ht_io_uring_connected",
                                                        "connect by io_uring")},
                       .syscall = true,
                       .misses = {"connect by io_uring that hides its completion"}}}},
      {.source = "datagram flows",
       .record_type = HT_TYPE_DATAGRAM_FLOW,
       .candidates =
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
      {.source = "socket handover",
       .record_type = HT_TYPE_ACCEPT,
       .candidates = {{.hook = "fentry/security_file_receive",
                       .programs = {"ht_file_received_fentry"}},
                      {.hook = "kprobe/security_file_receive",
                       .programs = {"ht_file_received_kprobe"}},
                      {.hook = "tp_btf/sock_recv_length",
                       .programs = {"ht_socket_received", "ht_socket_sent"},
                       .also = {"tp_btf/sock_send_length"},
                       .flag = KernelFlag::kHandoverByUse,
                       .inexact = true,
                       .misses = {"a socket that its new holder neither sends nor receives on"}}}},
      {.source = "running processes",
       .record_type = HT_TYPE_PROCESS_SNAPSHOT,
       .walks = WalkedObjects::kProcesses,
       .candidates = {{.hook = "iter/task", .programs = {"ht_snapshot_processes"}}}},
      {.source = "open sockets",
       .record_type = HT_TYPE_SOCKET_SNAPSHOT,
       .walks = WalkedObjects::kSockets,
       .candidates = {{.hook = "iter/task_file", .programs = {"ht_snapshot_sockets"}}}},
  };
  return *table;
}

std::map<std::string, std::optional<NeededField>> HooksOfTable() {
  std::map<std::string, std::optional<NeededField>> hooks;
  for (const EventSource& source : EventSourceTable()) {
    for (const HookCandidate& candidate : source.candidates) {
      hooks.try_emplace(candidate.hook);
      for (const std::string& hook : candidate.also) hooks.try_emplace(hook);
      for (const FallbackProgram& fallback : candidate.fallbacks) hooks.try_emplace(fallback.hook);
      for (const OptionalProgram& optional : candidate.optional) {
        hooks.try_emplace(optional.hook, optional.needs);
      }
    }
  }
  return hooks;
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

const std::string& WalkingProgram(WalkedObjects objects) {
  static const auto& none = *new std::string();
  for (const EventSource& row : EventSourceTable()) {
    if (row.walks == objects && objects != WalkedObjects::kNone) {
      return row.candidates[0].programs[0];
    }
  }
  return none;
}

}  // namespace hoptrail::agent::kernel
