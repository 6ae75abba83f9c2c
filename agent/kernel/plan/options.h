#ifndef HOPTRAIL_AGENT_KERNEL_PLAN_OPTIONS_H_
#define HOPTRAIL_AGENT_KERNEL_PLAN_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "agent/kernel/plan/hook_plan.h"
#include "agent/kernel/plan/watch_options.h"

namespace hoptrail::agent::kernel {

// How the kernel side is to be loaded: what it watches, and the sizes and rates that bound it.
struct SensorOptions {
  // Inode number of the only network namespace to watch; 0: the whole host.
  uint32_t scope_network_namespace = 0;
  // Bytes, rounded up to a power of two of whole pages.
  uint32_t high_ring_bytes = 4u << 20;
  uint32_t low_ring_bytes = 8u << 20;
  // The budget of each cgroup in a ring that is three quarters full; 0: a sixteenth of the ring.
  uint32_t budget_bytes_per_second = 0;
  SyscallHooks syscall_hooks = SyscallHooks::kAuto;
  // See force_tiers.h. An event source whose forced tier does not load is blind.
  ForcedTiers force_tiers;
  // Event sources whose fallback programs are attached from the beginning where the kernel may
  // preempt programs on tracepoints, in addition to those of the table. For tests that expect every
  // record from the first on.
  std::set<std::string> fallbacks_at_once;
  // Server ports of administrative services. Records of their connections go to the high ring,
  // which a flood of other connections cannot fill.
  std::vector<uint16_t> watched_ports = {22};
  // Entries of the kernel side's tables of processes and of TCP sockets.
  uint32_t max_processes = 32768;
  uint32_t max_sockets = 32768;
  WatchOptions watch;
  // Entries of the table of datagram flows, (process, peer), and how often each flow is reported.
  uint32_t max_flows = 4096;
  absl::Duration datagram_interval = absl::Seconds(10);
  // How often repeated connects of one process to the same UNIX socket are reported.
  absl::Duration unix_interval = absl::Seconds(1);
  // To how many copies of each library uprobes are attached at the same time.
  size_t max_library_copies = 128;

  bool operator==(const SensorOptions&) const = default;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PLAN_OPTIONS_H_
