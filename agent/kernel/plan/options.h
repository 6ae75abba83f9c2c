#ifndef HOPTRAIL_AGENT_KERNEL_PLAN_OPTIONS_H_
#define HOPTRAIL_AGENT_KERNEL_PLAN_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "agent/kernel/plan/hook_plan.h"

namespace hoptrail::agent::kernel {

// Files and directories whose opens are recorded: absolute paths, whose components may be patterns
// as in glob(7). A directory stands for what is in it, a few directories deep.
struct WatchOptions {
  std::vector<std::string> reads;   // opens of every kind
  std::vector<std::string> writes;  // opens for writing only

  bool operator==(const WatchOptions&) const = default;
};

// What holds other hosts' keys, and what lets others in.
WatchOptions DefaultWatch();

struct SensorOptions {
  // Inode number of the only network namespace to watch; 0: the whole host.
  uint32_t scope_network_namespace = 0;
  // Bytes, rounded up to a power of two of whole pages.
  uint32_t high_ring_bytes = 4u << 20;
  uint32_t low_ring_bytes = 8u << 20;
  // What each cgroup may write to a ring that is three quarters full; 0: a sixteenth of the ring.
  uint32_t budget_bytes_per_second = 0;
  SyscallHooks syscall_hooks = SyscallHooks::kAuto;
  // See force_tiers.h; an event source whose forced tier does not load is blind.
  ForcedTiers force_tiers;
  // Where programs on tracepoints may be preempted (7.0): the fallback program for TCP's states is
  // attached from the beginning, not with the first recursion miss. For tests that ask for every one.
  bool tcp_fallback_at_once = false;
  // Server ports of administrative services: their connections go to the ring that a flood of
  // others cannot fill.
  std::vector<uint16_t> watched_ports = {22};
  // Entries of the kernel's tables of labelled processes and of TCP connections.
  uint32_t max_processes = 32768;
  uint32_t max_sockets = 32768;
  WatchOptions watch;
  // Entries of the table of flows of datagrams, (process, peer), and how often each is reported.
  uint32_t max_flows = 4096;
  absl::Duration datagram_interval = absl::Seconds(10);
  // How often a process that connects to the same UNIX socket again and again is reported.
  absl::Duration unix_interval = absl::Seconds(1);
  // Copies of each library that uprobes are attached to at once.
  size_t max_library_copies = 128;

  bool operator==(const SensorOptions&) const = default;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PLAN_OPTIONS_H_
