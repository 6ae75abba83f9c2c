#ifndef HOPTRAIL_AGENT_KERNEL_RING_RECEIVER_H_
#define HOPTRAIL_AGENT_KERNEL_RING_RECEIVER_H_

#include <cstddef>

#include "absl/functional/function_ref.h"

namespace hoptrail::agent::kernel {

// Is called with each record (bpf/abi/events.h). The data is valid during the call only.
using Receiver = absl::FunctionRef<void(const void* data, size_t size)>;

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_RING_RECEIVER_H_
