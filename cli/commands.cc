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

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include <google/protobuf/util/json_util.h>

#include "cli/format.h"
#include "cli/list_view.h"
#include "cli/path_view.h"
#include "core/base/status_macros.h"

namespace hoptrail::cli {
namespace {

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
  return Print(absl::StrCat(json, one_line ? "\n" : ""));
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

absl::Status Hosts(const Options& options, const Style& style, Client* client) {
  HT_ASSIGN_OR_RETURN(const auto answer, client->ListHosts(options.limit));
  if (options.output == Output::kJson) return PrintJson(answer, false);
  HT_RETURN_IF_ERROR(Print(RenderHosts(ToVector(answer.hosts()), options.coverage, style)));
  HintAtMore(answer.next_page_token());
  return absl::OkStatus();
}

// A filter knows AND only, so what people open is asked for kind by kind.
absl::Status Sessions(const Options& options, const Style& style, Client* client) {
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
    HT_RETURN_IF_ERROR(Print(RenderSessions(ToVector(answer.sessions()), style)));
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

absl::Status Watch(const Options& options, const Style& style, Client* client) {
  constexpr size_t kMostRemembered = 4096;
  constexpr std::chrono::milliseconds kFirstWait(500), kLongestWait(30'000);
  // A collector that is not there, or that refuses, is told at once and not waited for.
  HT_RETURN_IF_ERROR(client->ListDetections(1).status());
  std::fputs("hoptrail: watching for detections; Ctrl-C ends it\n", stderr);
  std::set<std::string> seen;
  std::string token;
  auto wait = kFirstWait;
  absl::Status written;
  while (true) {
    const absl::Status status =
        client->WatchDetections(token, [&](const v1::WatchDetectionsResponse& response) {
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

absl::Status Detections(const Options& options, const Style& style, Client* client) {
  if (options.watch) return Watch(options, style, client);
  HT_ASSIGN_OR_RETURN(const auto answer, client->ListDetections(options.limit));
  if (options.output == Output::kJson) return PrintJson(answer, false);
  HT_RETURN_IF_ERROR(Print(RenderDetections(ToVector(answer.detections()), style)));
  HintAtMore(answer.next_page_token());
  return absl::OkStatus();
}

absl::Status Incidents(const Options& options, const Style& style, Client* client) {
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
    HT_RETURN_IF_ERROR(Print(RenderIncidents(ToVector(answer.incidents()), style)));
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

absl::Status ShowPath(const Options& options, const Style& style, Client* client) {
  HT_ASSIGN_OR_RETURN(const v1::Path path, FindPath(options.name, client));
  if (options.output == Output::kJson) return PrintJson(path, false);
  constexpr size_t kMostDetections = 500;  // More than a person reads; the tree names the rest.
  std::map<std::string, v1::Detection> detections;
  for (const v1::PathStep& step : path.steps()) {
    for (const std::string& name : step.detections()) {
      if (detections.size() >= kMostDetections || detections.count(name) > 0) continue;
      absl::StatusOr<v1::Detection> detection = client->GetDetection(name);
      if (absl::IsNotFound(detection.status())) continue;  // Aged out: the tree says so.
      HT_RETURN_IF_ERROR(detection.status());
      detections.emplace(name, *std::move(detection));
    }
  }
  std::optional<v1::Incident> incident;
  if (absl::StartsWith(path.name(), "incidents/")) {
    HT_ASSIGN_OR_RETURN(incident, client->GetIncident(path.name()));
  }
  const PathView view = {&path, incident.has_value() ? &*incident : nullptr, &detections};
  return Print(options.output == Output::kDot ? RenderPathDot(view) : RenderPathTree(view, style));
}

absl::Status Settle(const Options& options, const Style& style, Client* client) {
  const std::string name = absl::StartsWith(options.name, "incidents/")
                               ? options.name
                               : absl::StrCat("incidents/", options.name);
  HT_ASSIGN_OR_RETURN(const v1::Incident incident,
                      options.command == "ack" ? client->Acknowledge(name) : client->Resolve(name));
  if (options.output == Output::kJson) return PrintJson(incident, false);
  return Print(RenderIncidents({incident}, style));
}

}  // namespace

absl::Status RunCommand(const Options& options, const Style& style, Client* client) {
  if (options.command == "hosts") return Hosts(options, style, client);
  if (options.command == "sessions") return Sessions(options, style, client);
  if (options.command == "detections") return Detections(options, style, client);
  if (options.command == "incidents") return Incidents(options, style, client);
  if (options.command == "path") return ShowPath(options, style, client);
  return Settle(options, style, client);
}

}  // namespace hoptrail::cli
