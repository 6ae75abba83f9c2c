#include "collector/notify/pagerduty/event.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>

#include "core/base/log.h"
#include "core/wire/text.h"

namespace hoptrail::collector::notify {
namespace {

using google::protobuf::ListValue;
using google::protobuf::Struct;
using google::protobuf::util::TimeUtil;

constexpr int kMaxDegraded = 50;
constexpr size_t kMaxDetail = 1024;  // bytes of one value within custom_details

void Set(Struct* object, const std::string& key, absl::string_view value) {
  if (value.empty()) return;
  (*object->mutable_fields())[key].set_string_value(wire::CleanText(value, kMaxDetail));
}

Struct* Object(Struct* object, const std::string& key) {
  return (*object->mutable_fields())[key].mutable_struct_value();
}

ListValue* List(Struct* object, const std::string& key) {
  return (*object->mutable_fields())[key].mutable_list_value();
}

std::string Address(const v1::Endpoint& endpoint) {
  if (endpoint.address().empty()) return "";
  const bool v6 = endpoint.address().find(':') != std::string::npos;
  return v6 ? absl::StrCat("[", endpoint.address(), "]:", endpoint.port())
            : absl::StrCat(endpoint.address(), ":", endpoint.port());
}

std::string HostOf(const v1::Session& session) {
  return session.host_name().empty() ? session.host() : session.host_name();
}

// "web: agent down since 2026-11-29T20:00:00Z".
std::string MissingOf(const v1::OriginHost& origin) {
  std::string words = absl::AsciiStrToLower(v1::OriginReason_Name(origin.reason()));
  std::replace(words.begin(), words.end(), '_', ' ');
  if (origin.has_since_time()) {
    absl::StrAppend(&words, " since ", TimeUtil::ToString(origin.since_time()));
  }
  if (origin.has_until_time()) {
    absl::StrAppend(&words, " until ", TimeUtil::ToString(origin.until_time()));
  }
  return absl::StrCat(origin.host_name(), ": ", words);
}

void FillStep(const v1::Path& path, int index,
              const std::map<std::string, const v1::Detection*>& detections, Struct* out) {
  const v1::PathStep& step = path.steps(index);
  const v1::Session& session = step.session();
  (*out->mutable_fields())["step"].set_number_value(index);
  if (step.parent() >= 0) {
    (*out->mutable_fields())["from_step"].set_number_value(step.parent());
    Set(out, "from_host", HostOf(path.steps(step.parent()).session()));
  } else if (step.origin_hosts_size() > 0) {
    std::vector<std::string> hosts;
    std::vector<std::string> missing;
    for (const v1::OriginHost& origin : step.origin_hosts()) {
      hosts.push_back(origin.host_name());
      missing.push_back(MissingOf(origin));
    }
    Set(out, "from_host", absl::StrJoin(hosts, " or "));
    Set(out, "missing", absl::StrJoin(missing, "; "));
  }
  Set(out, "host", HostOf(session));
  Set(out, "host_id", session.host());  // hosts choose their names
  Set(out, "who", session.title());
  const bool unmonitored = !session.unmonitored_address().empty();
  if (!unmonitored) {
    Set(out, "user", session.user().empty() ? absl::StrCat("uid ", session.uid()) : session.user());
    if (session.logged_in() || session.kind() != v1::REMOTE) {
      (*out->mutable_fields())["uid"].set_number_value(session.uid());
    }
  }
  Set(out, "session", session.name());
  const v1::Authentication& login = session.authentication();
  if (login.user() != session.user()) Set(out, "account", login.user());
  if (login.method() != v1::AUTH_METHOD_UNSPECIFIED) {
    Set(out, "method", absl::AsciiStrToLower(v1::AuthMethod_Name(login.method())));
    Set(out, "claimed", login.verified() ? "" : "what the login said of itself is not verified");
  }
  if (!login.key_fingerprint().empty()) {
    Set(out, "key", absl::StrCat(login.key_type(), " ", login.key_fingerprint()));
  }
  Set(out, "certificate", login.certificate_id());
  if (session.has_open_time()) Set(out, "time", TimeUtil::ToString(session.open_time()));
  const v1::Flow& flow =
      step.hop().has_server() ? step.hop().server().flow() : session.entry_flow();
  Set(out, "from_address", Address(flow.client()));
  Set(out, "to_address", Address(flow.server()));
  Set(out, "link", step.link());
  if (step.hop().proof() == v1::PROVEN) Set(out, "joined", "PROVEN");
  if (step.hop().proof() == v1::INFERRED) {
    Set(out, "joined", absl::StrCat("INFERRED, probability ", step.hop().probability()));
  } else if (step.hop().proof() != v1::PROVEN && unmonitored) {
    Set(out, "joined", "one end only, no agent at the other");
  } else if (step.hop().proof() != v1::PROVEN && step.proof() == v1::INFERRED) {
    Set(out, "joined", absl::StrCat("INFERRED, probability ", step.probability()));
  }
  const bool one_end = step.link().empty() && step.hop().proof() == v1::PROOF_UNSPECIFIED;
  if (step.proof() == v1::INFERRED && !one_end) {
    Set(out, "cause", absl::StrCat("INFERRED, probability ", step.probability()));
  }
  for (const v1::OtherCause& cause : step.other_causes()) {
    List(out, "or_caused_by")
        ->add_values()
        ->set_string_value(absl::StrCat(cause.title(), "@", cause.host_name(), ", probability ",
                                        cause.probability()));
  }
  for (const std::string& name : step.detections()) {
    auto it = detections.find(name);
    const std::string text = it == detections.end()
                                 ? name
                                 : absl::StrCat(it->second->rule(), ": ", it->second->summary());
    List(out, "detections")->add_values()->set_string_value(wire::CleanText(text, kMaxDetail));
  }
}

// Writes the first and last steps, `kept` of them, and a note in place of those between.
void FillPath(const EventInput& input, int kept, Struct* details) {
  std::map<std::string, const v1::Detection*> detections;
  for (const v1::Detection& detection : input.detections) detections[detection.name()] = &detection;
  const int total = input.path.steps_size();
  ListValue* steps = List(details, "path");
  const int head = kept - kept / 2;
  for (int i = 0; i < total; ++i) {
    if (kept < total && i == head) {
      steps->add_values()->set_string_value(absl::StrCat(
          "… ", total - kept, " steps left out; ask the collector for the whole path"));
      i = total - kept / 2;
      if (i >= total) break;
    }
    FillStep(input.path, i, detections, steps->add_values()->mutable_struct_value());
  }
}

std::string ToJson(const Struct& event) {
  std::string json;
  HT_CHECK(google::protobuf::util::MessageToJsonString(event, &json).ok());
  return json;
}

// Writes why facts about the incident's hosts may be missing.
void FillDegradedHosts(const v1::Incident& incident, Struct* details) {
  for (const v1::DegradedHost& host : incident.degraded_hosts()) {
    for (const v1::Degradation& degradation : host.degradations()) {
      const std::string text = absl::StrCat(
          host.host_name().empty() ? host.host() : host.host_name(), ": ",
          absl::StrReplaceAll(absl::AsciiStrToLower(v1::DegradationKind_Name(degradation.kind())),
                              {{"_", " "}}),
          degradation.detail().empty() ? "" : ", ", degradation.detail());
      List(details, "degraded_hosts")
          ->add_values()
          ->set_string_value(wire::CleanText(text, kMaxDetail));
      if (List(details, "degraded_hosts")->values_size() >= kMaxDegraded) return;
    }
  }
}

std::string TitleOf(const v1::Incident& incident) {
  return incident.title().empty() ? incident.name() : incident.title();
}

void FillPayload(const EventInput& input, Struct* payload) {
  const v1::Incident& incident = input.incident;
  (*payload->mutable_fields())["summary"].set_string_value(
      wire::CleanText(TitleOf(incident), kMaxSummary));
  std::string source = incident.root().empty() ? incident.name() : incident.root();
  if (input.path.steps_size() > 0) source = HostOf(input.path.steps(0).session());
  Set(payload, "source", source);
  Set(payload, "severity", PagerDutySeverity(incident.severity()));
  if (incident.has_update_time()) {
    Set(payload, "timestamp", TimeUtil::ToString(incident.update_time()));
  }
  const int steps = input.path.steps_size();
  Set(payload, "component", steps > 0 ? HostOf(input.path.steps(steps - 1).session()) : source);
  Set(payload, "group", "lateral-movement");
  std::set<std::string> rules;
  for (const v1::Detection& detection : input.detections) rules.insert(detection.rule());
  Set(payload, "class", absl::StrJoin(rules, ","));
}

// Writes the fields that every event has. False: the event has no others.
bool FillHead(const EventInput& input, Struct* event) {
  Set(event, "routing_key", input.routing_key);
  (*event->mutable_fields())["dedup_key"].set_string_value(DedupKey(input));
  switch (input.action) {
    case store::Outbox::kTrigger:
      Set(event, "event_action", "trigger");
      return true;
    case store::Outbox::kAcknowledge:
      Set(event, "event_action", "acknowledge");
      return false;
    case store::Outbox::kResolve:
      Set(event, "event_action", "resolve");
      return false;
  }
  return false;
}

std::string Ascii(std::string text) {
  for (char& c : text) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  return text;
}

}  // namespace

std::string DedupKey(const EventInput& input) {
  return wire::CleanText(input.incident.name(), kMaxDedupKey);
}

absl::string_view PagerDutySeverity(v1::Severity severity) {
  switch (severity) {
    case v1::CRITICAL:
      return "critical";
    case v1::HIGH:
      return "error";
    case v1::MEDIUM:
      return "warning";
    case v1::SEVERITY_UNSPECIFIED:  // an unreadable incident may be a severe one
      return "error";
    default:
      return "info";
  }
}

std::string MakeEvent(const EventInput& input) {
  Struct event;
  if (!FillHead(input, &event)) return ToJson(event);
  Set(&event, "client", "Hoptrail");
  Set(&event, "client_url", input.client_url);
  Struct* payload = Object(&event, "payload");
  FillPayload(input, payload);
  Struct* details = Object(payload, "custom_details");
  Set(details, "incident", input.incident.name());
  Set(details, "proven", input.path.proven() ? "every hop" : "not every hop");
  std::set<std::string> techniques;
  for (const v1::Detection& detection : input.detections) {
    techniques.insert(detection.techniques().begin(), detection.techniques().end());
  }
  Set(details, "techniques", absl::StrJoin(techniques, ","));
  FillDegradedHosts(input.incident, details);
  // Keeps half as many steps each time until the event fits; without steps it always does.
  for (int kept = input.path.steps_size();; kept /= 2) {
    details->mutable_fields()->erase("path");
    FillPath(input, kept, details);
    std::string json = ToJson(event);
    if (json.size() <= kMaxEvent || kept == 0) return json;
  }
}

std::string MakeReducedEvent(const EventInput& input) {
  Struct event;
  if (!FillHead(input, &event)) return ToJson(event);
  Struct* payload = Object(&event, "payload");
  Set(payload, "summary", Ascii(TitleOf(input.incident)));
  Set(payload, "source", input.incident.name());
  Set(payload, "severity", PagerDutySeverity(input.incident.severity()));
  return ToJson(event);
}

}  // namespace hoptrail::collector::notify
