#ifndef HOPTRAIL_AGENT_KERNEL_SENSOR_H_
#define HOPTRAIL_AGENT_KERNEL_SENSOR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "agent/kernel/plan/options.h"
#include "agent/kernel/ring/loss_counters.h"
#include "agent/kernel/ring/receiver.h"
#include "core/model/fact.h"

namespace hoptrail::agent::kernel {

// Both halves of the kernel side in one process, for tests and tools; the agent has them in two
// (program_set.h, reader.h). The destructor removes all programs from the kernel. Several sensors
// may be open at the same time. One thread at a time; Poll() and Snapshot() may be called from
// another thread than Open().
class Sensor {
 public:
  // Loads and attaches, best hook first, and opens the rings: events are recorded from then on.
  // PERMISSION_DENIED names the missing capability, FAILED_PRECONDITION the missing kernel feature.
  // An event source that no hook can serve is not an error, see Coverage().
  static absl::StatusOr<std::unique_ptr<Sensor>> Open(const SensorOptions& options);

  ~Sensor();
  Sensor(const Sensor&) = delete;
  Sensor& operator=(const Sensor&) = delete;

  // Which hook serves each event source, and why no better one does.
  std::vector<model::SourceCoverage> Coverage() const;

  // Attaches the uprobes (PAM, sshd) to libraries that appeared since the last call, and searches
  // all mount roots for watched files. Returns how many libraries were new. Needs the same
  // privileges as Open().
  size_t AttachNewUprobes();

  // Sets the sensor's own processes, at most eight, by their ids in the host's pid namespace.
  // Signals and tracing by others are reported as tampering, and what the own processes do is not.
  // Replaces the processes of the last call.
  void ProtectProcesses(const std::vector<uint32_t>& tgids);

  // Takes a snapshot: one record for each process, one for each socket and holder, and one at the
  // end. To be called before the first Poll(); events that happen meanwhile wait in the rings.
  absl::Status Snapshot(Receiver receiver);

  // Waits up to `timeout` for records, and passes those that are due to `receiver`, ordered by boot
  // time over both rings. A record becomes due some milliseconds after it was made. Losses come as
  // records, too. Returns how many.
  absl::StatusOr<size_t> Poll(absl::Duration timeout, Receiver receiver);

  // Every loss counter that is not 0, by CPU. They only grow.
  std::vector<LossCount> ReadLosses();

 private:
  class Impl;
  explicit Sensor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_SENSOR_H_
