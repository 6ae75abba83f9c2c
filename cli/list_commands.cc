#include "cli/list_commands.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

#include "cli/entry_commands.h"
#include "cli/format.h"
#include "cli/host_view.h"
#include "cli/incident_view.h"
#include "cli/list_view.h"
#include "cli/output.h"
#include "cli/watch.h"
#include "core/base/status_macros.h"

namespace hoptrail::cli {
namespace {

template <typename T>
std::vector<T> ToVector(const google::protobuf::RepeatedPtrField<T>& field) {
  return std::vector<T>(field.begin(), field.end());
}

// Keeps the first `limit` entries (0: all) of the answers to several queries.
template <typename T>
void CutTo(int64_t limit, google::protobuf::RepeatedPtrField<T>* entries, std::string* more) {
  if (limit == 0 || entries->size() <= limit) return;
  entries->DeleteSubrange(static_cast<int>(limit), entries->size() - static_cast<int>(limit));
  *more = "cut here";
}

std::string Quoted(absl::string_view value) {
  return absl::StrCat("\"", absl::StrReplaceAll(value, {{"\\", "\\\\"}, {"\"", "\\\""}}), "\"");
}

}  // namespace

absl::Status ShowHosts(const Request& request) {
  const auto& [options, style, client, doubt] = request;
  if (!options.name.empty()) return ShowHost(request);
  HT_ASSIGN_OR_RETURN(const auto answer, client->ListHosts(options.limit));
  if (options.output == Output::kJson) return PrintJson(answer, false);
  HT_RETURN_IF_ERROR(PrintList(answer.hosts().empty(),
                               RenderHosts(ToVector(answer.hosts()), options.coverage, style),
                               doubt));
  HintAtMore(answer.next_page_token());
  return absl::OkStatus();
}

// By default shows the kinds of sessions that people open.
absl::Status ShowSessions(const Request& request) {
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
  CutTo(options.limit, sessions, &more);
  answer.clear_next_page_token();  // It would belong to one of several queries.
  if (options.output == Output::kJson) {
    HT_RETURN_IF_ERROR(PrintJson(answer, false));
  } else {
    HT_RETURN_IF_ERROR(PrintList(answer.sessions().empty(),
                                 RenderSessions(ToVector(answer.sessions()), style), doubt));
  }
  HintAtMore(more);
  return absl::OkStatus();
}

absl::Status ShowDetections(const Request& request) {
  const auto& [options, style, client, doubt] = request;
  if (options.watch) return WatchDetections(request);
  HT_ASSIGN_OR_RETURN(const auto answer, client->ListDetections(options.limit));
  if (options.output == Output::kJson) return PrintJson(answer, false);
  HT_RETURN_IF_ERROR(PrintList(answer.detections().empty(),
                               RenderDetections(ToVector(answer.detections()), style), doubt));
  HintAtMore(answer.next_page_token());
  return absl::OkStatus();
}

absl::Status ShowIncidents(const Request& request) {
  const auto& [options, style, client, doubt] = request;
  v1::ListIncidentsResponse answer;
  std::string more;
  if (options.all) {
    HT_ASSIGN_OR_RETURN(answer, client->ListIncidents("", options.limit));
    more = answer.next_page_token();
  } else {
    for (absl::string_view state : {"OPEN", "ACKNOWLEDGED"}) {
      HT_ASSIGN_OR_RETURN(const auto part,
                          client->ListIncidents(absl::StrCat("state = ", state), options.limit));
      if (!part.next_page_token().empty()) more = part.next_page_token();
      answer.MergeFrom(part);
    }
    CutTo(options.limit, answer.mutable_incidents(), &more);
    answer.clear_next_page_token();  // It would belong to one of several queries.
  }
  if (options.output == Output::kJson) {
    HT_RETURN_IF_ERROR(PrintJson(answer, false));
  } else {
    HT_RETURN_IF_ERROR(PrintList(answer.incidents().empty(),
                                 RenderIncidents(ToVector(answer.incidents()), style), doubt));
  }
  HintAtMore(more);
  return absl::OkStatus();
}

}  // namespace hoptrail::cli
