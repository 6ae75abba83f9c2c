#include "cli/entry_commands.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "cli/host_view.h"
#include "cli/incident_view.h"
#include "cli/output.h"
#include "cli/path_dot.h"
#include "cli/path_tree.h"
#include "core/base/status_macros.h"

namespace hoptrail::cli {
namespace {

// Whether `name` is one boot: "hosts/{machine id}.{boot id}", where the boot's id may be cut.
bool IsBoot(absl::string_view name) {
  constexpr size_t kDigits = 32;
  absl::ConsumePrefix(&name, "hosts/");
  return name.size() > kDigits + 1 && name[kDigits] == '.' &&
         std::all_of(name.begin(), name.begin() + kDigits, absl::ascii_isxdigit) &&
         std::all_of(name.begin() + kDigits + 1, name.end(), absl::ascii_isxdigit);
}

std::string IncidentName(const std::string& name) {
  return absl::StartsWith(name, "incidents/") ? name : absl::StrCat("incidents/", name);
}

// Reads detections, by name. Leaves out those that the store has removed.
absl::StatusOr<std::map<std::string, v1::Detection>> LoadDetections(
    const std::vector<std::string>& names, Client* client) {
  constexpr size_t kMost = 500;  // More than a person reads. The views name the others.
  std::map<std::string, v1::Detection> detections;
  for (const std::string& name : names) {
    if (detections.size() >= kMost || detections.count(name) > 0) continue;
    absl::StatusOr<v1::Detection> detection = client->GetDetection(name);
    if (absl::IsNotFound(detection.status())) continue;
    HT_RETURN_IF_ERROR(detection.status());
    detections.emplace(name, *std::move(detection));
  }
  return detections;
}

// Tries an id alone as an incident's, then as a session's.
absl::StatusOr<v1::Path> FindPath(const std::string& name, Client* client) {
  if (absl::StrContains(name, "/")) return client->GetPath(name);
  absl::StatusOr<v1::Path> path = client->GetPath(absl::StrCat("incidents/", name));
  if (!absl::IsNotFound(path.status())) return path;
  path = client->GetPath(absl::StrCat("sessions/", name));
  if (absl::IsNotFound(path.status())) {
    return absl::NotFoundError(absl::StrCat("no incident and no session begins with ", name));
  }
  return path;
}

}  // namespace

absl::Status ShowHost(const Request& request) {
  const auto& [options, style, client, doubt] = request;
  HT_ASSIGN_OR_RETURN(const v1::Host host, client->GetHost(options.name));
  return options.output == Output::kJson ? PrintJson(host, false) : Print(RenderHost(host, style));
}

// Reads the host first, so that it can show what it removed and removes only what exists.
absl::Status RemoveHost(const Request& request) {
  const auto& [options, style, client, doubt] = request;
  HT_ASSIGN_OR_RETURN(const v1::Host host, client->GetHost(options.name));
  std::string boot;
  if (IsBoot(options.name)) {
    boot = absl::StartsWith(options.name, "hosts/") ? options.name
                                                    : absl::StrCat("hosts/", options.name);
  }
  HT_RETURN_IF_ERROR(client->RemoveHost(boot.empty() ? host.name() : boot));
  if (options.output == Output::kJson) return PrintJson(host, false);
  return Print(RenderRemoved(host, boot, style));
}

absl::Status ShowIncident(const Request& request) {
  const auto& [options, style, client, doubt] = request;
  HT_ASSIGN_OR_RETURN(const v1::Incident incident, client->GetIncident(IncidentName(options.name)));
  if (options.output == Output::kJson) return PrintJson(incident, false);
  HT_ASSIGN_OR_RETURN(
      const auto detections,
      LoadDetections({incident.detections().begin(), incident.detections().end()}, client));
  return Print(RenderIncident(incident, detections, style));
}

absl::Status ChangeIncident(const Request& request) {
  const auto& [options, style, client, doubt] = request;
  const std::string name = IncidentName(options.name);
  HT_ASSIGN_OR_RETURN(const v1::Incident incident,
                      options.command == "ack" ? client->Acknowledge(name) : client->Resolve(name));
  if (options.output == Output::kJson) return PrintJson(incident, false);
  return Print(RenderIncidents({incident}, style));
}

absl::Status ShowPath(const Request& request) {
  const auto& [options, style, client, doubt] = request;
  HT_ASSIGN_OR_RETURN(const v1::Path path, FindPath(options.name, client));
  if (options.output == Output::kJson) return PrintJson(path, false);
  std::vector<std::string> names;
  for (const v1::PathStep& step : path.steps()) {
    names.insert(names.end(), step.detections().begin(), step.detections().end());
  }
  HT_ASSIGN_OR_RETURN(const auto detections, LoadDetections(names, client));
  std::optional<v1::Incident> incident;
  if (absl::StartsWith(path.name(), "incidents/")) {
    HT_ASSIGN_OR_RETURN(incident, client->GetIncident(path.name()));
  }
  const PathView view = {&path, incident.has_value() ? &*incident : nullptr, &detections};
  return Print(options.output == Output::kDot ? RenderPathDot(view, style.utc)
                                              : RenderPathTree(view, style));
}

}  // namespace hoptrail::cli
