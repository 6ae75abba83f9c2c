#include "collector/api/assemble.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "collector/api/origin.h"
#include "core/base/status_macros.h"
#include "core/wire/resource_names.h"
#include "core/wire/values.h"

namespace hoptrail::collector::api {
namespace {

constexpr absl::string_view kSessions = "sessions/";
constexpr absl::string_view kIncidents = "incidents/";
constexpr int kDetectionsPerStep = 100;

absl::Status AddOtherCauses(MessageReader* reader, const engine::PathStep& step,
                            v1::PathStep* out) {
  for (const engine::OtherCause& cause : step.other_causes) {
    absl::StatusOr<v1::Session> session = reader->GetSession(cause.session);
    if (absl::IsNotFound(session.status())) continue;
    if (!session.ok()) return session.status();
    v1::OtherCause* added = out->add_other_causes();
    added->set_session(session->name());
    added->set_host_name(session->host_name());
    added->set_title(session->title());
    added->set_root(wire::ResourceName(cause.root));
    added->set_proof(wire::ToProto(cause.proof));
    added->set_probability(cause.probability);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::Path> AssemblePath(MessageReader* reader, const engine::Path& path,
                                      const std::string& name) {
  v1::Path out;
  out.set_name(name);
  out.set_proven(path.proven);
  out.set_truncated(path.truncated);
  out.set_begins_earlier(path.begins_earlier);
  std::vector<int32_t> index_of(path.steps.size(), -1);  // in `out`; -1: left out
  for (size_t i = 0; i < path.steps.size(); ++i) {
    const engine::PathStep& step = path.steps[i];
    const bool root = step.parent < 0;
    if (!root && index_of[static_cast<size_t>(step.parent)] < 0) continue;
    absl::StatusOr<v1::Session> session = reader->GetSession(step.session);
    if (absl::IsNotFound(session.status())) continue;
    if (!session.ok()) return session.status();
    index_of[i] = out.steps_size();
    v1::PathStep* added = out.add_steps();
    *added->mutable_session() = *std::move(session);
    added->set_parent(root ? -1 : index_of[static_cast<size_t>(step.parent)]);
    added->set_depth(step.depth);
    added->set_link(step.link);
    added->set_proof(wire::ToProto(step.proof));
    added->set_probability(step.probability);
    HT_RETURN_IF_ERROR(AddOtherCauses(reader, step, added));
    if (step.hop) {
      absl::StatusOr<v1::Hop> hop = reader->GetHop(*step.hop);
      if (hop.ok()) {
        *added->mutable_hop() = *std::move(hop);
      } else if (!absl::IsNotFound(hop.status())) {
        return hop.status();
      }
    }
    if (root || !added->session().unmonitored_address().empty()) {
      HT_RETURN_IF_ERROR(AddOrigin(reader, added));
    }
    HT_ASSIGN_OR_RETURN(std::vector<v1::Detection> detections,
                        reader->DetectionsOf(step.session, kDetectionsPerStep));
    for (const v1::Detection& detection : detections) added->add_detections(detection.name());
  }
  return out;
}

absl::StatusOr<v1::Path> FindPath(MessageReader* reader, const PathSource& source,
                                  const std::string& name) {
  model::SessionId session;
  std::string full_name;
  if (absl::StartsWith(name, kIncidents)) {
    HT_ASSIGN_OR_RETURN(model::IncidentId id, reader->FindIncident(name.substr(kIncidents.size())));
    HT_ASSIGN_OR_RETURN(v1::Incident incident, reader->GetIncident(id));
    HT_ASSIGN_OR_RETURN(session, wire::ParseSessionName(incident.root()));
    full_name = incident.name();
  } else if (absl::StartsWith(name, kSessions)) {
    HT_ASSIGN_OR_RETURN(session, reader->FindSession(name.substr(kSessions.size())));
    full_name = wire::ResourceName(session);
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("name: '", name, "' is neither incidents/ID nor sessions/ID"));
  }
  HT_ASSIGN_OR_RETURN(engine::Path path, source(session));
  if (path.steps.empty()) path.steps.push_back({.session = session});
  return AssemblePath(reader, path, full_name);
}

}  // namespace hoptrail::collector::api
