#include "cli/commands.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include <google/protobuf/util/json_util.h>

#include "cli/format.h"
#include "cli/host_view.h"
#include "cli/incident_view.h"
#include "cli/list_view.h"
#include "cli/path_view.h"
#include "core/base/log.h"
#include "core/base/printable.h"
#include "core/base/status_macros.h"

namespace hoptrail::cli {
namespace {

struct Request {
  const Options& options;
  const Style& style;
  Client* client;
  const std::string&
      doubt;  // why answers may lack something; empty: nothing is known to be missing
};

absl::Status Print(absl::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    return absl::DataLossError("cannot write to standard output");
  }
  return absl::OkStatus();
}

absl::Status PrintJson(const google::protobuf::Message& message, bool one_line) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = !one_line;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) return absl::InternalError("the answer cannot be written as JSON");
  return Print(absl::StrCat(PrintableJson(json), one_line ? "\n" : ""));
}

// A list for people. `doubt`: why something may be missing; what is not there is no good news then.
absl::Status PrintList(bool empty, absl::string_view rendered, absl::string_view doubt) {
  return Print(empty && !doubt.empty() ? "Nothing is known, but something may be missing.\n"
                                       : rendered);
}

template <typename T>
std::vector<T> ToVector(const google::protobuf::RepeatedPtrField<T>& field) {
  return std::vector<T>(field.begin(), field.end());
}

void HintAtMore(const std::string& next_page_token) {
  if (!next_page_token.empty()) {
    std::fputs("hoptrail: more exist; --limit N shows N, --limit 0 all\n", stderr);
  }
}

std::string Quoted(absl::string_view value) {
  return absl::StrCat("\"", absl::StrReplaceAll(value, {{"\\", "\\\\"}, {"\"", "\\\""}}), "\"");
}

absl::Status Hosts(const Request& request) {
  const auto& [options, style, client, doubt] = request;
  if (!options.name.empty()) {
    HT_ASSIGN_OR_RETURN(const v1::Host host, client->GetHost(options.name));
    return options.output == Output::kJson ? PrintJson(host, false)
                                           : Print(RenderHost(host, style));
  }
  HT_ASSIGN_OR_RETURN(const auto answer, client->ListHosts(options.limit));
  if (options.output == Output::kJson) return PrintJson(answer, false);
  HT_RETURN_IF_ERROR(PrintList(answer.hosts().empty(),
                               RenderHosts(ToVector(answer.hosts()), options.coverage, style),
                               doubt));
  HintAtMore(answer.next_page_token());
  return absl::OkStatus();
}

// "hosts/{machine id}.{boot id}", the boot's id possibly cut: one boot.
bool IsBoot(absl::string_view name) {
  constexpr size_t kDigits = 32;
  absl::ConsumePrefix(&name, "hosts/");
  return name.size() > kDigits + 1 && name[kDigits] == '.' &&
         std::all_of(name.begin(), name.begin() + kDigits, absl::ascii_isxdigit) &&
         std::all_of(name.begin() + kDigits + 1, name.end(), absl::ascii_isxdigit);
}

// Looked up first, so that what is removed can be said, and only a host that there is is named.
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

// A filter knows AND only, so what people open is asked for kind by kind.
absl::Status Sessions(const Request& request) {
  const auto& [options, style, client, doubt] = request;
  std::vector<std::string> terms;
  if (!options.host.empty()) {
    const bool id = absl::StartsWith(options.host, "hosts/");
    terms.push_back(absl::StrCat(id ? "host" : "host_name", " = ", Quoted(options.host)));
  }
  if (!options.user.empty()) terms.push_back(absl::StrCat("user = ", Quoted(options.user)));
  std::vector<std::string> filters;
  if (options.all) {
    filters.push_back(absl::StrJoin(terms, " AND "));
  } else {
    terms.push_back("open = true");
    for (absl::string_view kind : {"REMOTE", "CONSOLE", "CRON"}) {
      filters.push_back(absl::StrCat(absl::StrJoin(terms, " AND "), " AND kind = ", kind));
    }
  }
  v1::ListSessionsResponse answer;
  std::string more;
  for (const std::string& filter : filters) {
    HT_ASSIGN_OR_RETURN(const auto part, client->ListSessions(filter, options.limit));
    if (!part.next_page_token().empty()) more = part.next_page_token();
    answer.MergeFrom(part);
  }
  auto* sessions = answer.mutable_sessions();
  std::stable_sort(sessions->begin(), sessions->end(), [](const auto& a, const auto& b) {
    return Milliseconds(a.open_time()) > Milliseconds(b.open_time());
  });
  if (options.limit > 0 && sessions->size() > options.limit) {
    sessions->DeleteSubrange(static_cast<int>(options.limit),
                             sessions->size() - static_cast<int>(options.limit));
    more = "cut here";
  }
  answer.clear_next_page_token();  // It would be one of several queries'.
  if (options.output == Output::kJson) {
    HT_RETURN_IF_ERROR(PrintJson(answer, false));
  } else {
    HT_RETURN_IF_ERROR(PrintList(answer.sessions().empty(),
                                 RenderSessions(ToVector(answer.sessions()), style), doubt));
  }
  HintAtMore(more);
  return absl::OkStatus();
}

// Whether asking again later may help: the collector restarts, or lets a slow watcher go.
bool MayCome(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
      return true;
    default:
      return false;
  }
}

absl::Status Watch(const Request& request) {
  const Options& options = request.options;
  const Style& style = request.style;
  constexpr size_t kMostRemembered = 4096;
  constexpr std::chrono::milliseconds kFirstWait(500), kLongestWait(30'000);
  // A collector that is not there, or that refuses, is told at once and not waited for.
  HT_RETURN_IF_ERROR(request.client->ListDetections(1).status());
  std::fputs("hoptrail: watching for detections; Ctrl-C ends it\n", stderr);
  std::set<std::string> seen;
  std::string token;
  auto wait = kFirstWait;
  absl::Status written;
  while (true) {
    absl::Status status =
        request.client->WatchDetections(token, [&](const v1::WatchDetectionsResponse& response) {
          wait = kFirstWait;
          token = response.resume_token();
          if (!written.ok() || !response.has_detection()) return;
          if (options.output == Output::kJson) {
            written = PrintJson(response.detection(), true);
            return;
          }
          if (seen.size() >= kMostRemembered) seen.clear();
          const bool again = !seen.insert(response.detection().name()).second;
          written = Print(RenderWatched(response.detection(), again, style));
        });
    HT_RETURN_IF_ERROR(written);
    if (!MayCome(status)) return status;
    const std::string why = Escape(status.ok() ? "stream ended" : status.message(), style);
    std::fprintf(stderr, "hoptrail: connection lost (%s); trying again%s\n", why.c_str(),
                 token.empty() ? ", what is detected meanwhile shows in 'hoptrail detections'"
                               : ", nothing will be missed");
    std::this_thread::sleep_for(wait);
    wait = std::min(wait * 2, kLongestWait);
  }
}

absl::Status Detections(const Request& request) {
  const auto& [options, style, client, doubt] = request;
  if (options.watch) return Watch(request);
  HT_ASSIGN_OR_RETURN(const auto answer, client->ListDetections(options.limit));
  if (options.output == Output::kJson) return PrintJson(answer, false);
  HT_RETURN_IF_ERROR(PrintList(answer.detections().empty(),
                               RenderDetections(ToVector(answer.detections()), style), doubt));
  HintAtMore(answer.next_page_token());
  return absl::OkStatus();
}

absl::Status Incidents(const Request& request) {
  const auto& [options, style, client, doubt] = request;
  v1::ListIncidentsResponse answer;
  if (options.all) {
    HT_ASSIGN_OR_RETURN(answer, client->ListIncidents("", options.limit));
  } else {
    for (absl::string_view state : {"OPEN", "ACKNOWLEDGED"}) {
      HT_ASSIGN_OR_RETURN(const auto part,
                          client->ListIncidents(absl::StrCat("state = ", state), options.limit));
      answer.MergeFrom(part);
    }
  }
  const std::string more = answer.next_page_token();
  if (!options.all) answer.clear_next_page_token();
  if (options.output == Output::kJson) {
    HT_RETURN_IF_ERROR(PrintJson(answer, false));
  } else {
    HT_RETURN_IF_ERROR(PrintList(answer.incidents().empty(),
                                 RenderIncidents(ToVector(answer.incidents()), style), doubt));
  }
  HintAtMore(more);
  return absl::OkStatus();
}

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

// By name; those that have aged out are left out.
absl::StatusOr<std::map<std::string, v1::Detection>> LoadDetections(
    const std::vector<std::string>& names, Client* client) {
  constexpr size_t kMost = 500;  // More than a person reads; whoever shows them names the rest.
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

std::string IncidentName(const std::string& name) {
  return absl::StartsWith(name, "incidents/") ? name : absl::StrCat("incidents/", name);
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

absl::Status Settle(const Request& request) {
  const auto& [options, style, client, doubt] = request;
  const std::string name = IncidentName(options.name);
  HT_ASSIGN_OR_RETURN(const v1::Incident incident,
                      options.command == "ack" ? client->Acknowledge(name) : client->Resolve(name));
  if (options.output == Output::kJson) return PrintJson(incident, false);
  return Print(RenderIncidents({incident}, style));
}

// For people and for probes: with --live, a collector that can only read is fine, since starting it
// again would not help it.
absl::StatusOr<ExitStatus> ShowHealth(const Options& options, const Style& style,
                                      const Client::Health& health) {
  const std::string words = health.trouble.empty() ? "serving" : Escape(health.trouble, style);
  HT_RETURN_IF_ERROR(Print(words + "\n"));
  if (!health.reading) return kFailed;
  return health.trouble.empty() || options.live ? kDone : kIncomplete;
}

}  // namespace

absl::StatusOr<ExitStatus> RunCommand(const Options& options, const Style& style, Client* client) {
  using Run = absl::Status (*)(const Request&);
  static const auto* commands =
      new std::map<absl::string_view, Run>{{"hosts", Hosts},         {"remove-host", RemoveHost},
                                           {"sessions", Sessions},   {"detections", Detections},
                                           {"incidents", Incidents}, {"incident", ShowIncident},
                                           {"path", ShowPath},       {"ack", Settle},
                                           {"resolve", Settle}};
  const auto command = commands->find(options.command);
  if (command == commands->end() && options.command != "health") {
    return absl::InternalError("a command that nobody runs");
  }
  // Asked before the answer is shown: what is not in it may be what matters.
  HT_ASSIGN_OR_RETURN(const Client::Health health, client->GetHealth());
  if (options.command == "health") return ShowHealth(options, style, health);
  if (!health.trouble.empty()) {
    WriteError("hoptrail", absl::StrCat("warning: ", Escape(health.trouble, style),
                                        "; something may be missing"));
  }
  HT_RETURN_IF_ERROR(command->second({options, style, client, health.trouble}));
  return health.trouble.empty() ? kDone : kIncomplete;
}

}  // namespace hoptrail::cli
