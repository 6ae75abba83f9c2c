#ifndef HOPTRAIL_CORE_WIRE_RESOURCE_NAMES_H_
#define HOPTRAIL_CORE_WIRE_RESOURCE_NAMES_H_

// Resource names of the public API: "sessions/{32 hexadecimal digits}" and so on. An empty id has
// the empty name. Parsing accepts exactly what is written here (lower case, no dashes); anything
// else, the empty name included, is INVALID_ARGUMENT.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "core/model/ids.h"

namespace hoptrail::wire {

std::string ResourceName(const model::HostId& id);       // "hosts/{machine}.{boot}"
std::string ResourceName(const model::MachineId& id);    // "hosts/{machine}"
std::string ResourceName(const model::SessionId& id);    // "sessions/{id}"
std::string ResourceName(const model::DetectionId& id);  // "detections/{id}"
std::string ResourceName(const model::IncidentId& id);   // "incidents/{id}"

absl::StatusOr<model::HostId> ParseHostName(absl::string_view name);
// Either of the two; of a machine with all its boots, the boot is empty.
absl::StatusOr<model::HostId> ParseMachineOrHostName(absl::string_view name);
absl::StatusOr<model::SessionId> ParseSessionName(absl::string_view name);
absl::StatusOr<model::DetectionId> ParseDetectionName(absl::string_view name);
absl::StatusOr<model::IncidentId> ParseIncidentName(absl::string_view name);

}  // namespace hoptrail::wire

#endif  // HOPTRAIL_CORE_WIRE_RESOURCE_NAMES_H_
