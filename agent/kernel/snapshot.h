#ifndef HOPTRAIL_AGENT_KERNEL_SNAPSHOT_H_
#define HOPTRAIL_AGENT_KERNEL_SNAPSHOT_H_

#include "absl/status/status.h"

#include "agent/kernel/programs.h"
#include "agent/kernel/sensor.h"

namespace hoptrail::agent::kernel {

// See Sensor::Snapshot. Goes on without what the kernel does not let us walk (Coverage tells), and
// says at the end that it is done in any case.
absl::Status TakeSnapshot(const Programs& programs, Sensor::Receiver receiver);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_SNAPSHOT_H_
