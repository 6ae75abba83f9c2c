#ifndef HOPTRAIL_AGENT_KERNEL_OBJECTS_OWN_OBJECTS_H_
#define HOPTRAIL_AGENT_KERNEL_OBJECTS_OWN_OBJECTS_H_

// Which kernel objects and processes are the sensor's own, so that the kernel side can report what
// others do to them. Only for agent/kernel.

#include <cstdint>
#include <vector>

#include "bpf/abi/events.h"

struct sensor_bpf;

namespace hoptrail::agent::kernel {

// Adds a program, map or link to the kernel side's table of own objects. One without an id (a perf
// event before Linux 5.15) is left out: others cannot open it by id either.
void AddOwnObject(sensor_bpf* skeleton, ht_object_kind kind, int fd);

// The calling process is the loader, and the processes that its parent starts read the rings. The
// kernel side reports neither as tampering.
void SetLoader(sensor_bpf* skeleton);

// See Sensor::ProtectProcesses().
void SetOwnProcesses(sensor_bpf* skeleton, const std::vector<uint32_t>& tgids);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_OBJECTS_OWN_OBJECTS_H_
