#ifndef HOPTRAIL_AGENT_KERNEL_SNAPSHOT_SNAPSHOT_H_
#define HOPTRAIL_AGENT_KERNEL_SNAPSHOT_SNAPSHOT_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "agent/kernel/plan/options.h"
#include "agent/kernel/ring/receiver.h"
#include "core/base/unique_fd.h"

namespace hoptrail::agent::kernel {

// The objects that an iterator walks over. Sockets are walked twice, listening ones first.
enum class Walk { kProcesses, kListeners, kConnections };

// Opens an iterator, whose end of file is the end of the walk. NOT_FOUND where the kernel has no
// such iterator.
using IteratorSource = absl::FunctionRef<absl::StatusOr<UniqueFd>(Walk walk)>;

// See Sensor::Snapshot. Leaves out a walk that the kernel does not offer (Coverage reports which),
// and continues with the next walk after an error; returns the first error. The last record is
// HT_TYPE_SNAPSHOT_DONE in any case. Needs no privilege of its own.
absl::Status TakeSnapshot(IteratorSource open, Receiver receiver);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_SNAPSHOT_SNAPSHOT_H_
