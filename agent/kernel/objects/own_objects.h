#ifndef HOPTRAIL_AGENT_KERNEL_OBJECTS_OWN_OBJECTS_H_
#define HOPTRAIL_AGENT_KERNEL_OBJECTS_OWN_OBJECTS_H_

// What is the sensor's own, so that the kernel side can tell who lays hands on it. Only for this
// directory.

#include <cstdint>
#include <vector>

#include "bpf/abi/events.h"

struct sensor_bpf;

namespace hoptrail::agent::kernel {

// Names a program, map or link of the sensor to the kernel side. What has no number there (a perf
// event, before Linux 5.15) cannot be asked for by others either, and is left out.
void NameOwnObject(sensor_bpf* skeleton, ht_object_kind kind, int fd);

// The calling process works on the sensor's objects from now on, and whoever its parent starts
// reads the rings: neither is an attempt on them.
void NameLoader(sensor_bpf* skeleton);

// See Sensor::ProtectProcesses().
void NameOwnProcesses(sensor_bpf* skeleton, const std::vector<uint32_t>& tgids);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_OBJECTS_OWN_OBJECTS_H_
