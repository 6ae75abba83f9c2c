#ifndef HOPTRAIL_AGENT_KERNEL_SNAPSHOT_SNAPSHOT_H_
#define HOPTRAIL_AGENT_KERNEL_SNAPSHOT_SNAPSHOT_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "agent/kernel/plan/options.h"
#include "agent/kernel/ring/receiver.h"
#include "core/base/unique_fd.h"

namespace hoptrail::agent::kernel {

// What an iterator walks over. Sockets are walked twice, listening ones first. kOver is no walk: it
// tells the kernel side that those of a snapshot are over.
enum class Walk { kProcesses, kListeners, kConnections, kOver };

// Opens an iterator; NOT_FOUND where the kernel cannot be walked that way, and for kOver.
using IteratorSource = absl::FunctionRef<absl::StatusOr<UniqueFd>(Walk walk)>;

// See Sensor::Snapshot. Goes on without what the kernel does not let us walk (Coverage tells), and
// says at the end that it is done in any case. Takes no privilege of its own.
absl::Status TakeSnapshot(IteratorSource open, Receiver receiver);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_SNAPSHOT_SNAPSHOT_H_
