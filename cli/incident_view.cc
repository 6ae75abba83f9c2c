#include "cli/incident_view.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "cli/format.h"
#include "cli/host_view.h"
#include "cli/list_view.h"
#include "cli/table.h"
#include <hoptrail/v1/detection.pb.h>
#include <hoptrail/v1/fleet.pb.h>

namespace hoptrail::cli {
namespace {

std::string DeliveryWord(v1::DeliveryState state, const Style& style) {
  switch (state) {
    case v1::PENDING:
      return "pending";
    case v1::DELIVERED:
      return Paint("delivered", Colour::kGreen, style);
    case v1::RETRYING:
      return Paint("RETRYING", Colour::kAlarm, style);
    default:
      return "-";
  }
}

std::string DeliverySentence(const v1::Delivery& delivery, const Style& style) {
  std::string out = absl::StrCat(Escape(delivery.notifier(), style, 32), " ",
                                 DeliveryWord(delivery.state(), style));
  if (delivery.state() == v1::DELIVERED) {
    absl::StrAppend(&out, " ", FormatTime(delivery.attempt_time(), style));
  }
  if (delivery.state() == v1::RETRYING) {
    absl::StrAppend(&out, " after ", delivery.attempts(),
                    delivery.attempts() == 1 ? " try" : " tries", ", last ",
                    FormatTime(delivery.attempt_time(), style), ", next ",
                    FormatTime(delivery.next_attempt_time(), style));
  }
  if (!delivery.last_error().empty() && delivery.state() != v1::DELIVERED) {
    absl::StrAppend(&out, ": ", Escape(delivery.last_error(), style));
  }
  return out;
}

// The worst of its deliveries: a page that did not arrive must not hide behind one that did.
std::string PageWord(const v1::Incident& incident, const Style& style) {
  for (const v1::DeliveryState state : {v1::RETRYING, v1::PENDING, v1::DELIVERED}) {
    for (const v1::Delivery& delivery : incident.deliveries()) {
      if (delivery.state() == state) return DeliveryWord(state, style);
    }
  }
  return "";
}

// "web, db", "2 hosts".
Cell DegradedCell(const v1::Incident& incident, const Style& style) {
  if (incident.degraded_hosts().empty()) return "";
  std::vector<std::string> names;
  for (const v1::DegradedHost& host : incident.degraded_hosts()) {
    names.push_back(HostLabel(host.host_name(), host.host(), style));
  }
  return Cell::Forms({Paint(absl::StrJoin(names, ", "), Colour::kYellow, style),
                      Paint(absl::StrCat(names.size(), names.size() == 1 ? " host" : " hosts"),
                            Colour::kYellow, style)});
}

void NoteTimes(const v1::Incident& incident, ZoneName* zone) {
  zone->Note(incident.open_time());
  zone->Note(incident.update_time());
  for (const v1::Delivery& delivery : incident.deliveries()) {
    zone->Note(delivery.attempt_time());
    zone->Note(delivery.next_attempt_time());
  }
  for (const v1::DegradedHost& host : incident.degraded_hosts()) {
    for (const v1::Degradation& one : host.degradations()) zone->Note(one.since_time());
  }
}

}  // namespace

std::string RenderIncidents(const std::vector<v1::Incident>& incidents, const Style& style) {
  if (incidents.empty()) return "No incident.\n";
  ZoneName zone(style);
  IdColumn ids(style);
  for (const v1::Incident& incident : incidents) {
    ids.Note(incident.name());
    zone.Note(incident.open_time());
    zone.Note(incident.update_time());
  }
  Table table({{.heading = "INCIDENT"},
               {.heading = "SEVERITY"},
               {.heading = "STATE", .rank = 3},
               {.heading = zone.Heading("OPENED", "OPENED"), .rank = 2},
               {.heading = zone.Heading("LAST CHANGE", "CHANGED"), .rank = 4},
               {.heading = "DETECTIONS", .rank = 5},
               {.heading = "PAGE", .rank = 1, .optional = true},
               {.heading = "DEGRADED", .rank = 1, .least = 10, .optional = true},
               {.heading = "WHAT", .least = 20}},
              style);
  for (const v1::Incident& incident : incidents) {
    const std::string state = IncidentStateWord(incident.state(), style);
    const std::string by = incident.changed_by().empty()
                               ? ""
                               : absl::StrCat(" by ", Escape(incident.changed_by(), style, 40));
    std::string title = Escape(incident.title(), style);
    if (!incident.merged_into().empty()) {
      absl::StrAppend(&title, " (merged into ", ShortId(incident.merged_into(), style), ")");
    }
    table.Add({ids.Of(incident.name()), SeverityWord(incident.severity(), style),
               Cell::Forms({absl::StrCat(state, by), state}), TimeCell(incident.open_time(), style),
               TimeCell(incident.update_time(), style), absl::StrCat(incident.detections_size()),
               PageWord(incident, style), DegradedCell(incident, style), title});
  }
  return table.Render();
}

std::string RenderIncidentHeading(const v1::Incident& incident, const Style& style) {
  ZoneName zone(style);
  NoteTimes(incident, &zone);
  std::string out;
  const auto line = [&](absl::string_view text) { AppendWrapped("", "  ", text, style, &out); };
  line(absl::StrCat(
      "Incident ", ShortId(incident.name(), style), "  ", SeverityWord(incident.severity(), style),
      "  ", IncidentStateWord(incident.state(), style), incident.changed_by().empty() ? "" : " by ",
      Escape(incident.changed_by(), style, 64)));
  line(Paint(Escape(incident.title(), style), Colour::kBold, style));
  line(absl::StrCat("opened ", FormatTime(incident.open_time(), style), ", last change ",
                    FormatTime(incident.update_time(), style), " (", zone.Get(), ")"));
  if (!incident.merged_into().empty()) {
    line(absl::StrCat("merged into incident ", ShortId(incident.merged_into(), style)));
  }
  for (const v1::Delivery& delivery : incident.deliveries()) {
    line(absl::StrCat("page: ", DeliverySentence(delivery, style)));
  }
  for (const v1::DegradedHost& host : incident.degraded_hosts()) {
    for (const v1::Degradation& one : host.degradations()) {
      line(absl::StrCat(Paint("degraded", Colour::kAlarm, style), " ",
                        HostLabel(host.host_name(), host.host(), style), ": ",
                        DegradationSentence(one, style)));
    }
  }
  return out;
}

std::string RenderIncident(const v1::Incident& incident,
                           const std::map<std::string, v1::Detection>& detections,
                           const Style& style) {
  std::string out = RenderIncidentHeading(incident, style);
  std::vector<v1::Detection> known;
  for (const std::string& name : incident.detections()) {
    const auto found = detections.find(name);
    if (found != detections.end()) known.push_back(found->second);
  }
  std::stable_sort(known.begin(), known.end(), [](const auto& a, const auto& b) {
    return Milliseconds(a.time()) < Milliseconds(b.time());
  });
  if (!known.empty()) absl::StrAppend(&out, "\n", RenderDetections(known, style));
  const int missing = incident.detections_size() - static_cast<int>(known.size());
  if (missing > 0) {
    absl::StrAppend(&out, "(", missing, missing == 1 ? " detection is" : " detections are",
                    " not kept any more, or not loaded)\n");
  }
  return out;
}

}  // namespace hoptrail::cli
