#include "cli/list_view.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "cli/format.h"
#include <hoptrail/v1/detection.pb.h>
#include <hoptrail/v1/fleet.pb.h>
#include <hoptrail/v1/graph.pb.h>

namespace hoptrail::cli {
namespace {

std::string HostStateWord(v1::HostState state, const Style& style) {
  switch (state) {
    case v1::CONNECTED:
      return Paint("CONNECTED", Colour::kGreen, style);
    case v1::DISCONNECTED:
      return Paint("DISCONNECTED", Colour::kYellow, style);
    case v1::SILENT:
      return Paint("SILENT", Colour::kAlarm, style);
    default:
      return "-";
  }
}

// "11 facts", "11 of 13 facts, blind: pam, sshd".
std::string CoverageWords(const v1::Coverage& coverage, const Style& style) {
  std::vector<std::string> blind;
  for (const v1::FactCoverage& fact : coverage.facts()) {
    if (fact.hook().empty()) blind.push_back(Escape(fact.fact(), style, 32));
  }
  const int facts = coverage.facts_size();
  if (facts == 0) return "not reported";
  if (blind.empty()) return absl::StrCat(facts, facts == 1 ? " fact" : " facts");
  return absl::StrCat(
      facts - static_cast<int>(blind.size()), " of ", facts, " facts, ",
      Paint(absl::StrCat("blind: ", absl::StrJoin(blind, ", ")), Colour::kYellow, style));
}

std::string CoverageDetails(const v1::Host& host, const Style& style) {
  std::string out = absl::StrCat(
      "\n", Paint(HostLabel(host.host_name(), host.name(), style), Colour::kBold, style), "  ",
      Escape(host.name(), style), "  kernel ", Escape(host.coverage().kernel_release(), style, 64),
      "\n");
  Table table({"FACT", "HOOK", "TIER", "NOT SEEN BY IT", "NOT IN USE"}, style);
  for (const v1::FactCoverage& fact : host.coverage().facts()) {
    std::vector<std::string> row = {Escape(fact.fact(), style, 32),
                                    fact.hook().empty() ? Paint("BLIND", Colour::kAlarm, style)
                                                        : Escape(fact.hook(), style, 64),
                                    fact.tier() == 0 ? "-" : absl::StrCat(fact.tier())};
    const int lines = std::max({1, fact.misses_size(), fact.refusals_size()});
    for (int i = 0; i < lines; ++i) {
      const std::string miss = i < fact.misses_size() ? Escape(fact.misses(i), style, 80) : "";
      row.push_back(miss.empty() ? "" : Paint(miss, Colour::kYellow, style));
      row.push_back(i < fact.refusals_size() ? Escape(fact.refusals(i), style, 100) : "");
      table.Add(std::move(row));
      row.assign(3, "");
    }
  }
  absl::StrAppend(&out, table.Render());
  for (const v1::Loss& loss : host.losses()) {
    absl::StrAppend(&out, Paint("lost ", Colour::kYellow, style), loss.count(), " ",
                    Escape(loss.type(), style, 32), " at ", Escape(loss.where(), style, 32),
                    " from ", FormatTime(loss.from_time()), " until ",
                    FormatTime(loss.until_time()), "\n");
  }
  return out;
}

std::string SessionStateWords(const v1::Session& session) {
  if (session.has_close_time()) return "closed";
  return session.has_login_end_time() ? "left running" : "open";
}

}  // namespace

std::string RenderHosts(const std::vector<v1::Host>& hosts, bool coverage, const Style& style) {
  if (hosts.empty()) return "No host has an agent yet.\n";
  Table table({"HOST", "STATE", "LAST SEEN (UTC)", "AGENT", "KERNEL", "EVENTS", "LOST", "SPOOLED",
               "MEMORY", "SEES"},
              style);
  for (const v1::Host& host : hosts) {
    std::string lost = absl::StrCat(host.lost());
    table.Add({HostLabel(host.host_name(), host.name(), style), HostStateWord(host.state(), style),
               FormatTime(host.last_seen_time()), Escape(host.agent_version(), style, 32),
               Escape(host.coverage().kernel_release(), style, 40), absl::StrCat(host.events()),
               host.lost() > 0 ? Paint(lost, Colour::kYellow, style) : lost,
               absl::StrCat(host.spooled()),
               absl::StrFormat("%.1f MiB", static_cast<double>(host.resident_bytes()) / 1048576.0),
               CoverageWords(host.coverage(), style)});
  }
  std::string out = table.Render();
  if (coverage) {
    for (const v1::Host& host : hosts) absl::StrAppend(&out, CoverageDetails(host, style));
  }
  return out;
}

std::string RenderSessions(const std::vector<v1::Session>& sessions, const Style& style) {
  if (sessions.empty()) return "No such session.\n";
  Table table({"SESSION", "HOST", "USER", "KIND", "OPENED (UTC)", "STATE", "FROM", "IN BY"}, style);
  for (const v1::Session& session : sessions) {
    const bool remote = session.kind() == v1::REMOTE;
    std::string how = SessionWords(session, style);
    if (remote) {
      how = session.logged_in() ? FormatAuthentication(session.authentication(), style)
                                : "no login seen";
    }
    const bool unknown = session.kind() == v1::ENTRY_KIND_UNSPECIFIED;
    table.Add({ShortId(session.name(), style),
               HostLabel(session.host_name(), session.host(), style), UserLabel(session, style),
               unknown ? "-" : Lower(v1::EntryKind_Name(session.kind())),
               FormatTime(session.open_time()), SessionStateWords(session),
               remote ? FormatEndpoint(session.entry_flow().client(), style)
                      : Escape(session.terminal(), style, 32),
               how});
  }
  return table.Render();
}

std::string RenderDetections(const std::vector<v1::Detection>& detections, const Style& style) {
  if (detections.empty()) return "Nothing was detected.\n";
  Table table({"TIME (UTC)", "SEVERITY", "HOST", "RULE", "INCIDENT", "SESSION", "WHAT"}, style);
  for (const v1::Detection& detection : detections) {
    table.Add(
        {FormatTime(detection.time()), SeverityWord(detection.severity(), style),
         HostLabel(detection.host_name(), detection.host(), style),
         Escape(detection.rule(), style, 40), ShortId(detection.incident(), style),
         ShortId(detection.session(), style),
         Escape(detection.summary().empty() ? detection.title() : detection.summary(), style)});
  }
  return table.Render();
}

std::string RenderIncidents(const std::vector<v1::Incident>& incidents, const Style& style) {
  if (incidents.empty()) return "No incident.\n";
  Table table(
      {"INCIDENT", "SEVERITY", "STATE", "OPENED (UTC)", "LAST CHANGE (UTC)", "DETECTIONS", "WHAT"},
      style);
  for (const v1::Incident& incident : incidents) {
    std::string state = IncidentStateWord(incident.state(), style);
    if (!incident.changed_by().empty()) {
      absl::StrAppend(&state, " by ", Escape(incident.changed_by(), style, 40));
    }
    std::string title = Escape(incident.title(), style);
    if (!incident.merged_into().empty()) {
      absl::StrAppend(&title, " (merged into ", ShortId(incident.merged_into(), style), ")");
    }
    table.Add({ShortId(incident.name(), style), SeverityWord(incident.severity(), style), state,
               FormatTime(incident.open_time()), FormatTime(incident.update_time()),
               absl::StrCat(incident.detections_size()), title});
  }
  return table.Render();
}

std::string RenderWatched(const v1::Detection& detection, bool again, const Style& style) {
  std::string out = absl::StrCat(
      FormatTime(detection.time()), "  ", SeverityWord(detection.severity(), style), "  ",
      Paint(HostLabel(detection.host_name(), detection.host(), style), Colour::kBold, style), "  ",
      Escape(detection.rule(), style, 40), ": ", Escape(detection.title(), style),
      again ? "  (more evidence)" : "", "\n");
  if (!detection.summary().empty() && detection.summary() != detection.title()) {
    absl::StrAppend(&out, "    ", Escape(detection.summary(), style), "\n");
  }
  absl::StrAppend(&out, "    session ", ShortId(detection.session(), style));
  if (!detection.incident().empty()) {
    absl::StrAppend(&out, ", incident ", ShortId(detection.incident(), style));
  }
  absl::StrAppend(&out, "\n");
  return out;
}

}  // namespace hoptrail::cli
