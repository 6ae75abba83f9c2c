#ifndef HOPTRAIL_AGENT_KERNEL_SENSOR_H_
#define HOPTRAIL_AGENT_KERNEL_SENSOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "agent/kernel/hook_plan.h"
#include "core/model/fact.h"

namespace hoptrail::agent::kernel {

// Files and folders whose opens are told: absolute paths, whose components may be patterns as in
// glob(7). A folder stands for what is in it, a few folders deep.
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
  // See force_tiers.h; a fact whose forced tier does not load is blind.
  ForcedTiers force_tiers;
  // Where programs on tracepoints may be preempted (7.0): the understudy of TCP's states, too, is
  // attached from the beginning, not with the first skipped run. For tests that ask for every one.
  bool tcp_understudy_at_once = false;
  // Server ports of administrative services: their connections go to the ring that a flood of
  // others cannot fill.
  std::vector<uint16_t> watched_ports = {22};
  // Entries of the kernel's tables of labelled processes and of TCP connections.
  uint32_t max_processes = 32768;
  uint32_t max_sockets = 32768;
  WatchOptions watch;
  // Entries of the table of flows of datagrams, (process, peer), and how often each is told.
  uint32_t max_flows = 4096;
  absl::Duration sends_interval = absl::Seconds(10);
  // How often a process that connects to the same UNIX socket again and again is told.
  absl::Duration unix_interval = absl::Seconds(1);
  // Copies of each library that witnesses are attached to at once.
  size_t max_library_copies = 128;

  bool operator==(const SensorOptions&) const = default;
};

// Records that were not written in the kernel, since the sensor was opened.
struct LossCount {
  // "ring/high", "ring/low": no room; "budget/high", "budget/low": refused to a cgroup that wrote
  // too much; "skipped": runs of programs that the kernel skipped, each of which may have told one;
  // "table/processes", "table/sockets".
  std::string where;
  std::string type;  // "exec"; empty for tables
  uint32_t cpu = 0;
  uint64_t count = 0;
};

// The kernel side: its programs, loaded and attached, and the rings that they fill. Closing takes
// everything off the kernel again. Several may be open at once, in one process or several. One
// thread at a time; Poll and Snapshot may be called from another thread than Open. Both halves in
// one process: the agent has them in two (attached.h, reader.h).
class Sensor {
 public:
  // Given each record (bpf/abi/events.h), valid during the call only.
  using Receiver = absl::FunctionRef<void(const void* data, size_t size)>;

  // Loads and attaches, best hook first, and opens the rings: events are recorded from here on.
  // PERMISSION_DENIED names the missing capability, FAILED_PRECONDITION the kernel's missing
  // feature. A fact that no hook can serve is no error, see Coverage().
  static absl::StatusOr<std::unique_ptr<Sensor>> Open(const SensorOptions& options);

  ~Sensor();
  Sensor(const Sensor&) = delete;
  Sensor& operator=(const Sensor&) = delete;

  // The running kernel's release, as uname(2) tells it. For reports; nothing is decided by it.
  static std::string KernelRelease();

  // By which hook each fact is learnt, and why not by a better one.
  std::vector<model::FactCoverage> Coverage() const;

  // Attaches the witnesses (PAM, sshd) in mount namespaces that appeared since the sensor was
  // opened, and looks there and anew everywhere else for what is watched. Returns how many
  // libraries were new. Needs the privileges that Open needs.
  size_t AttachNewWitnesses();

  // The sensor's own processes, at most eight, numbered as in the host's pid namespace: what others
  // do to them is told as tampering, and what they do is not. Replaces what was said before.
  void ProtectProcesses(const std::vector<uint32_t>& tgids);

  // What already runs: one record a process, one a socket and holder, and one at the end. Call it
  // once the sensor is open, before the first Poll; what happens meanwhile waits in the rings.
  absl::Status Snapshot(Receiver receiver);

  // Waits up to `timeout` for records, and hands over those that are due, ordered by boot time
  // over both rings. A record becomes due some milliseconds after it was made. Returns how many.
  // Loss shows up here too, as records of its own.
  absl::StatusOr<size_t> Poll(absl::Duration timeout, Receiver receiver);

  // Becomes readable when much or something urgent waits; watch it edge-triggered. Nothing makes it
  // so for less urgent records, nor again within some milliseconds, so Poll should be called after
  // UntilDue() in any case. Owned by the sensor.
  int poll_fd() const;

  // How long Poll can wait at most without letting records grow old: 0 to 500 ms.
  absl::Duration UntilDue() const;

  // Every counter that is not 0, by processor. They only grow.
  std::vector<LossCount> ReadLosses();

 private:
  class Impl;
  explicit Sensor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_SENSOR_H_
