#include "agent/privilege/system_call_table.h"

#include <sched.h>

#include <initializer_list>

#include <asm/termbits.h>
#include <linux/perf_event.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace hoptrail::agent::privilege {
namespace {

constexpr uint64_t kSetVma = 0x53564d41;  // PR_SET_VMA: newer C libraries name memory areas

Condition Is(unsigned argument, uint64_t value, const char* meaning) {
  return {argument, kWhole, value, meaning};
}

// The calls of loader and worker: memory, time, reading files, waiting, ending.
void AddCommon(std::vector<AllowedCall>* calls) {
  for (const char* name : {"read",
                           "readv",
                           "pread64",
                           "write",
                           "writev",
                           "close",
                           "lseek",
                           "open",
                           "openat",
                           "fstat",
                           "stat",
                           "lstat",
                           "newfstatat",
                           "statx",
                           "access",
                           "faccessat",
                           "faccessat2",
                           "readlink",
                           "readlinkat",
                           "getdents64",
                           "fcntl",
                           "munmap",
                           "mremap",
                           "brk",
                           "madvise",
                           "futex",
                           "rt_sigaction",
                           "rt_sigreturn",
                           "rt_sigprocmask",
                           "sigaltstack",
                           "getpid",
                           "gettid",
                           "getppid",
                           "getuid",
                           "geteuid",
                           "getgid",
                           "getegid",
                           "uname",
                           "sysinfo",
                           "getrandom",
                           "getrusage",
                           "clock_gettime",
                           "clock_getres",
                           "gettimeofday",
                           "clock_nanosleep",
                           "nanosleep",
                           "poll",
                           "ppoll",
                           "epoll_create1",
                           "epoll_ctl",
                           "epoll_wait",
                           "epoll_pwait",
                           "recvmsg",
                           "sendmsg",
                           "exit",
                           "exit_group",
                           "sched_yield",
                           "getcpu",
                           "restart_syscall",
                           "sched_getaffinity",
                           "epoll_pwait2"}) {
    calls->push_back({name, {}});
  }
  calls->push_back({"mmap", {{2, PROT_EXEC, 0, "without PROT_EXEC"}}});
  calls->push_back({"mprotect", {{2, PROT_EXEC, 0, "without PROT_EXEC"}}});
  calls->push_back({"tgkill", {{.argument = 0, .meaning = "to itself", .own_pid = true}}});
  calls->push_back({"prlimit64", {Is(2, 0, "to read")}});
  if (kSanitized) {
    for (const char* name : {"mmap", "mprotect", "clone", "ptrace", "wait4", "prctl", "personality",
                             "setrlimit", "getrlimit", "tgkill", "msync", "mincore", "prlimit64"}) {
      calls->push_back({name, {}});
    }
  }
}

std::vector<AllowedCall> WorkerCalls() {
  std::vector<AllowedCall> calls;
  AddCommon(&calls);
  for (const char* name : {"pwrite64",
                           "preadv",
                           "pwritev",
                           "fstatfs",
                           "statfs",
                           "getcwd",
                           "flock",
                           "fsync",
                           "fdatasync",
                           "ftruncate",
                           "fallocate",
                           "unlink",
                           "unlinkat",
                           "rename",
                           "renameat",
                           "renameat2",
                           "mkdir",
                           "mkdirat",
                           "rmdir",
                           "fchmod",
                           "fchown",
                           "dup",
                           "dup2",
                           "dup3",
                           "pipe2",
                           "eventfd2",
                           "signalfd4",
                           "timerfd_create",
                           "timerfd_settime",
                           "select",
                           "pselect6",
                           "connect",
                           "bind",
                           "getsockname",
                           "getpeername",
                           "getsockopt",
                           "sendto",
                           "recvfrom",
                           "sendmmsg",
                           "recvmmsg",
                           "shutdown",
                           "set_robust_list",
                           "rseq",
                           "membarrier",
                           "getrlimit",
                           "sched_getparam",
                           "sched_getscheduler",
                           "sched_get_priority_max",
                           "sched_get_priority_min",
                           "setsockopt"}) {
    calls.push_back({name, {}});
  }
  // For a thread, not for a process: neither fork nor vfork.
  calls.push_back({"clone", {{0, CLONE_THREAD, CLONE_THREAD, "for a thread"}}});
  calls.push_back({"socket",
                   {Is(0, AF_UNIX, "AF_UNIX"), Is(0, AF_INET, "AF_INET"),
                    Is(0, AF_INET6, "AF_INET6"), Is(0, AF_NETLINK, "AF_NETLINK")}});
  calls.push_back({"prctl",
                   {Is(0, PR_SET_NAME, "PR_SET_NAME"), Is(0, PR_GET_NAME, "PR_GET_NAME"),
                    Is(0, kSetVma, "PR_SET_VMA")}});
  calls.push_back({"setitimer", {Is(0, ITIMER_REAL, "ITIMER_REAL")}});
  calls.push_back({"ioctl",
                   {Is(1, FIONREAD, "FIONREAD"), Is(1, FIONBIO, "FIONBIO"), Is(1, TCGETS, "TCGETS"),
                    Is(1, SIOCGIFINDEX, "SIOCGIFINDEX"), Is(1, SIOCGIFNAME, "SIOCGIFNAME")}});
  return calls;
}

std::vector<AllowedCall> LoaderCalls() {
  std::vector<AllowedCall> calls;
  AddCommon(&calls);
  for (const char* name :
       {"bpf", "perf_event_open", "wait4", "vfork", "statfs", "fstatfs", "openat2"}) {
    calls.push_back({name, {}});
  }
  calls.push_back({"clone", {{0, CLONE_VFORK, CLONE_VFORK, "for a heartbeat's child"}}});
  calls.push_back(
      {"ioctl",
       {Is(1, PERF_EVENT_IOC_SET_BPF, "PERF_EVENT_IOC_SET_BPF"),
        Is(1, PERF_EVENT_IOC_ENABLE, "PERF_EVENT_IOC_ENABLE"),
        Is(1, PERF_EVENT_IOC_DISABLE, "PERF_EVENT_IOC_DISABLE"), Is(1, TCGETS, "TCGETS")}});
  return calls;
}

std::vector<const char*> FatalCallsAnd(std::initializer_list<const char*> more) {
  std::vector<const char*> names = {"execve",
                                    "execveat",
                                    "process_vm_readv",
                                    "process_vm_writev",
                                    "init_module",
                                    "finit_module",
                                    "delete_module",
                                    "kexec_load",
                                    "mount",
                                    "umount2",
                                    "pivot_root",
                                    "kexec_file_load",
                                    "chroot",
                                    "setns",
                                    "unshare",
                                    "reboot",
                                    "swapon",
                                    "swapoff",
                                    "add_key",
                                    "request_key",
                                    "keyctl",
                                    "pidfd_getfd",
                                    "open_by_handle_at",
                                    "userfaultfd",
                                    "io_uring_setup",
                                    "settimeofday",
                                    "clock_settime",
                                    "adjtimex",
                                    "clock_adjtime",
                                    "acct",
                                    "quotactl",
                                    "iopl",
                                    "ioperm",
                                    "setuid",
                                    "setgid",
                                    "setreuid",
                                    "setregid",
                                    "setresuid",
                                    "setresgid",
                                    "setgroups",
                                    "open_tree",
                                    "move_mount",
                                    "fsopen",
                                    "fsmount",
                                    "fsconfig",
                                    "listen",
                                    "accept",
                                    "accept4"};
  if (!kSanitized) names.push_back("ptrace");
  names.insert(names.end(), more);
  return names;
}

}  // namespace

const std::vector<AllowedCall>& AllowedCalls(Role role) {
  static const auto& worker = *new std::vector<AllowedCall>(WorkerCalls());
  static const auto& loader = *new std::vector<AllowedCall>(LoaderCalls());
  static const auto& none = *new std::vector<AllowedCall>();
  return role == Role::kWorker ? worker : role == Role::kLoader ? loader : none;
}

const std::vector<const char*>& FatalCalls(Role role) {
  // The worker inherits the supervisor's filter.
  static const auto& supervisor =
      *new std::vector<const char*>(FatalCallsAnd({"bpf", "perf_event_open"}));
  static const auto& worker = *new std::vector<const char*>(
      FatalCallsAnd({"bpf", "perf_event_open", "capset", "kill", "tkill", "fork", "vfork"}));
  static const auto& loader = *new std::vector<const char*>(FatalCallsAnd(
      {"socket", "connect", "bind", "sendto", "sendmmsg", "capset", "kill", "tkill", "fork"}));
  return role == Role::kWorker ? worker : role == Role::kLoader ? loader : supervisor;
}

}  // namespace hoptrail::agent::privilege
