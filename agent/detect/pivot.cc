#include "agent/detect/pivot.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "core/detect/evidence.h"

namespace hoptrail::agent::detect {

using hoptrail::detect::AddEvidence;

const hoptrail::detect::RuleInfo& PivotRule::Info() {
  static const auto* const info = new hoptrail::detect::RuleInfo{
      .id = "pivot",
      .title = "A remote session opened an administrative connection to another host",
      .techniques = {"T1021.004"},
      .severity = model::Severity::kLow,
      .check = "Whether this user is meant to go from this host to that one, and by which key.",
      .benign_causes = {"jump hosts", "configuration management run from an administrator's shell",
                        "git over ssh"}};
  return *info;
}

std::optional<model::Detection> PivotRule::OnHopEnd(const model::HopEnd& hop,
                                                    const model::Session& session, bool remote,
                                                    const model::Provenance* provenance) {
  if (options_.disabled || hop.side != model::HopSide::kClient || !remote) return std::nullopt;
  const model::Endpoint& to = hop.flow.server;
  if (std::find(options_.ports.begin(), options_.ports.end(), to.port) == options_.ports.end()) {
    return std::nullopt;
  }
  // Another host: not this one by any of its addresses.
  if (to.address.is_loopback() || to.address == hop.flow.client.address) return std::nullopt;

  const std::string destination = model::ToString(to);
  model::Detection detection =
      hoptrail::detect::MakeDetection(Info(), {.host = hop.host,
                                               .session = session.id,
                                               .key = destination,
                                               .wall_ns = hop.established_wall_ns});
  std::vector<model::Detection>& known = told_[session.id];
  if (known.empty()) {
    order_.push_back(session.id);
    if (order_.size() > kMaxSessions) {
      told_.erase(order_.front());
      order_.pop_front();
    }
  }
  std::vector<model::Detection>& told = told_[session.id];
  for (const model::Detection& other : told) {
    if (other.id == detection.id) return std::nullopt;
  }
  const std::string user = session.user.empty() ? hop.user : session.user;
  detection.summary = hoptrail::detect::Bounded(
      absl::StrCat(user.empty() ? absl::StrCat("uid ", hop.uid) : user, ", logged in from ",
                   session.entry.has_value() ? model::ToString(session.entry->flow.client.address)
                                             : std::string("another host"),
                   ", connected to ", destination, " with ", hop.program));
  AddEvidence(detection, "destination", destination);
  AddEvidence(detection, "program", hop.program);
  AddEvidence(detection, "user", user);
  AddEvidence(detection, "process_user", hop.user);
  if (session.entry.has_value()) {
    AddEvidence(detection, "origin", model::ToString(session.entry->flow.client));
  }
  AddEvidence(detection, "key", session.authentication.key_fingerprint);
  if (provenance != nullptr) AddProvenance(detection, *provenance);
  if (told.size() < kMaxPerSession) told.push_back(detection);
  return detection;
}

void PivotRule::AddProvenance(model::Detection& detection, const model::Provenance& provenance) {
  if (provenance.depth >= 1) detection.severity = model::Severity::kMedium;
  AddEvidence(detection, "path", absl::StrJoin(provenance.path, " → "));
  AddEvidence(detection, "depth", absl::StrCat(provenance.depth));
}

std::vector<model::Detection> PivotRule::OnProvenance(const model::Provenance& provenance) {
  std::vector<model::Detection> changed;
  const auto found = told_.find(provenance.session);
  if (found == told_.end()) return changed;
  for (model::Detection& detection : found->second) {
    const model::Detection before = detection;
    AddProvenance(detection, provenance);
    if (detection != before) changed.push_back(detection);
  }
  return changed;
}

}  // namespace hoptrail::agent::detect
