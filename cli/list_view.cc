#include "cli/list_view.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "cli/format.h"
#include "cli/table.h"
#include <hoptrail/v1/detection.pb.h>
#include <hoptrail/v1/graph.pb.h>

namespace hoptrail::cli {
namespace {

std::string SessionStateWords(const v1::Session& session) {
  if (session.has_close_time()) return "closed";
  return session.has_login_end_time() ? "left running" : "open";
}

}  // namespace

std::string RenderSessions(const std::vector<v1::Session>& sessions, const Style& style) {
  if (sessions.empty()) return "No such session.\n";
  ZoneName zone(style);
  IdColumn ids(style);
  for (const v1::Session& session : sessions) {
    zone.Note(session.open_time());
    ids.Note(session.name());
  }
  Table table({{.heading = "SESSION"},
               {.heading = "HOST", .least = 12, .cut = Cut::kMiddle},
               {.heading = "USER", .least = 8},
               {.heading = "KIND", .rank = 3},
               {.heading = zone.Heading("OPENED", "OPENED")},
               {.heading = "STATE", .rank = 2},
               {.heading = "FROM", .rank = 1, .least = 12, .cut = Cut::kMiddle},
               {.heading = "IN BY", .rank = 4, .least = 12, .cut = Cut::kMiddle}},
              style);
  for (const v1::Session& session : sessions) {
    const bool remote = session.kind() == v1::REMOTE;
    std::string how = SessionWords(session, style);
    if (remote) {
      how = session.logged_in() ? FormatLogin(session, style) : "no login seen";
    }
    const bool unknown = session.kind() == v1::ENTRY_KIND_UNSPECIFIED;
    table.Add({ids.Of(session.name()), HostLabel(session.host_name(), session.host(), style),
               UserLabel(session, style), unknown ? "-" : Lower(v1::EntryKind_Name(session.kind())),
               TimeCell(session.open_time(), style), SessionStateWords(session),
               remote ? FormatEndpoint(session.entry_flow().client(), style)
                      : Escape(session.terminal(), style, 32),
               how});
  }
  return table.Render();
}

std::string RenderDetections(const std::vector<v1::Detection>& detections, const Style& style) {
  if (detections.empty()) return "Nothing was detected.\n";
  ZoneName zone(style);
  IdColumn incidents(style), sessions(style);
  for (const v1::Detection& detection : detections) {
    zone.Note(detection.time());
    incidents.Note(detection.incident());
    sessions.Note(detection.session());
  }
  Table table({{.heading = zone.Heading("TIME", "TIME")},
               {.heading = "SEVERITY", .rank = 1},
               {.heading = "HOST", .least = 10, .cut = Cut::kMiddle},
               {.heading = "RULE", .rank = 3, .least = 10},
               {.heading = "INCIDENT", .rank = 2},
               {.heading = "SESSION", .rank = 4},
               {.heading = "WHAT", .least = 20}},
              style);
  for (const v1::Detection& detection : detections) {
    table.Add(
        {TimeCell(detection.time(), style), SeverityWord(detection.severity(), style),
         HostLabel(detection.host_name(), detection.host(), style),
         Escape(detection.rule(), style, 40), incidents.Of(detection.incident()),
         sessions.Of(detection.session()),
         Escape(detection.summary().empty() ? detection.title() : detection.summary(), style)});
  }
  return table.Render();
}

std::string RenderWatched(const v1::Detection& detection, bool again, const Style& style) {
  ZoneName zone(style);
  zone.Note(detection.time());
  std::string out;
  AppendWrapped("", "    ",
                absl::StrCat(FormatTime(detection.time(), style), " ", zone.Get(), "  ",
                             SeverityWord(detection.severity(), style), "  ",
                             Paint(HostLabel(detection.host_name(), detection.host(), style),
                                   Colour::kBold, style),
                             "  ", Escape(detection.rule(), style, 40), ": ",
                             Escape(detection.title(), style), again ? "  (more evidence)" : ""),
                style, &out);
  if (!detection.summary().empty() && detection.summary() != detection.title()) {
    AppendWrapped("    ", "    ", Escape(detection.summary(), style), style, &out);
  }
  AppendWrapped(
      "    ", "    ",
      absl::StrCat("session ", ShortId(detection.session(), style),
                   detection.incident().empty()
                       ? ""
                       : absl::StrCat(", incident ", ShortId(detection.incident(), style))),
      style, &out);
  return out;
}

}  // namespace hoptrail::cli
