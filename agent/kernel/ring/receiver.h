#ifndef HOPTRAIL_AGENT_KERNEL_RING_RECEIVER_H_
#define HOPTRAIL_AGENT_KERNEL_RING_RECEIVER_H_

#include <cstddef>

#include "absl/functional/function_ref.h"

namespace hoptrail::agent::kernel {

// Given each record (bpf/abi/events.h), valid during the call only.
using Receiver = absl::FunctionRef<void(const void* data, size_t size)>;

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_RING_RECEIVER_H_
