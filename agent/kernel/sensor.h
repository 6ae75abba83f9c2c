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

// The kernel side: its programs, loaded and attached, and the rings that they fill. Closing takes
// everything off the kernel again. Several may be open at once, in one process or several. One
// thread at a time; Poll and Snapshot may be called from another thread than Open. Both halves in
// one process: the agent has them in two (program_set.h, reader.h).
class Sensor {
 public:
  // Loads and attaches, best hook first, and opens the rings: events are recorded from here on.
  // PERMISSION_DENIED names the missing capability, FAILED_PRECONDITION the kernel's missing
  // feature. An event source that no hook can serve is no error, see Coverage().
  static absl::StatusOr<std::unique_ptr<Sensor>> Open(const SensorOptions& options);

  ~Sensor();
  Sensor(const Sensor&) = delete;
  Sensor& operator=(const Sensor&) = delete;

  // By which hook each event source is learnt, and why not by a better one.
  std::vector<model::SourceCoverage> Coverage() const;

  // Attaches the uprobes (PAM, sshd) in mount namespaces that appeared since the sensor was
  // opened, and looks there and anew everywhere else for what is watched. Returns how many
  // libraries were new. Needs the privileges that Open needs.
  size_t AttachNewUprobes();

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

  // Every counter that is not 0, by CPU. They only grow.
  std::vector<LossCount> ReadLosses();

 private:
  class Impl;
  explicit Sensor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_SENSOR_H_
