#include "core/wire/resource_names.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace hoptrail::wire {
namespace {

template <typename Id>
absl::StatusOr<Id> Parse(absl::string_view name, absl::string_view collection,
                         absl::StatusOr<Id> (*parse)(absl::string_view)) {
  absl::string_view text = name;
  if (absl::ConsumePrefix(&text, collection) && text.size() <= 65) {
    absl::StatusOr<Id> id = parse(text);
    // One spelling only: a name is compared as text by clients and stores.
    if (id.ok() && ResourceName(*id) == name) return id;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("not a name of the form ", collection, "ID: '", name.substr(0, 96), "'"));
}

template <typename Id>
std::string Name(absl::string_view collection, const Id& id) {
  return id.empty() ? "" : absl::StrCat(collection, model::ToString(id));
}

}  // namespace

std::string ResourceName(const model::HostId& id) { return Name("hosts/", id); }
std::string ResourceName(const model::MachineId& id) { return Name("hosts/", id); }
std::string ResourceName(const model::SessionId& id) { return Name("sessions/", id); }
std::string ResourceName(const model::DetectionId& id) { return Name("detections/", id); }
std::string ResourceName(const model::IncidentId& id) { return Name("incidents/", id); }

absl::StatusOr<model::HostId> ParseHostName(absl::string_view name) {
  return Parse<model::HostId>(name, "hosts/", model::ParseHostId);
}
absl::StatusOr<model::HostId> ParseMachineOrHostName(absl::string_view name) {
  const auto machine = Parse<model::MachineId>(name, "hosts/", model::ParseId<model::MachineId>);
  if (machine.ok()) return model::HostId{*machine, {}};
  return ParseHostName(name);
}
absl::StatusOr<model::SessionId> ParseSessionName(absl::string_view name) {
  return Parse<model::SessionId>(name, "sessions/", model::ParseId<model::SessionId>);
}
absl::StatusOr<model::DetectionId> ParseDetectionName(absl::string_view name) {
  return Parse<model::DetectionId>(name, "detections/", model::ParseId<model::DetectionId>);
}
absl::StatusOr<model::IncidentId> ParseIncidentName(absl::string_view name) {
  return Parse<model::IncidentId>(name, "incidents/", model::ParseId<model::IncidentId>);
}

}  // namespace hoptrail::wire
