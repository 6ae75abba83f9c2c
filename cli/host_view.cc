#include "cli/host_view.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

#include "cli/format.h"
#include "cli/table.h"
#include <hoptrail/v1/fleet.pb.h>

namespace hoptrail::cli {
namespace {

struct State {
  const char* word;
  Colour colour;
};

State StateOf(v1::HostState state) {
  switch (state) {
    case v1::CONNECTED:
      return {"CONNECTED", Colour::kGreen};
    case v1::DISCONNECTED:
      return {"DISCONNECTED", Colour::kYellow};
    case v1::SILENT:
      return {"SILENT", Colour::kAlarm};
    default:
      return {"-", Colour::kPlain};
  }
}

// "CONNECTED", "CONNECTED, DEGRADED: spool full", and shorter.
Cell StateCell(const v1::Host& host, const Style& style) {
  const State state = StateOf(host.state());
  const std::string word = Paint(state.word, state.colour, style);
  if (host.degradations().empty()) return word;
  std::vector<std::string> reasons;
  for (const v1::Degradation& one : host.degradations()) {
    reasons.push_back(DegradationWord(one));
  }
  const std::string degraded = Paint("DEGRADED", Colour::kAlarm, style);
  const std::string both = absl::StrCat(word, ", ", degraded);
  return Cell::Forms({absl::StrCat(both, ": ", absl::StrJoin(reasons, ", ")), both,
                      host.state() == v1::CONNECTED ? degraded : both});
}

// "11 sources", "11 of 13 sources, blind: pam, sshd"; shorter: "11", "11/13".
Cell CoverageCell(const v1::Coverage& coverage, const Style& style) {
  std::vector<std::string> blind;
  for (const v1::SourceCoverage& source : coverage.sources()) {
    if (source.hook().empty()) blind.push_back(Escape(source.source(), style, 32));
  }
  const int sources = coverage.sources_size();
  if (sources == 0) return Cell::Forms({"not reported", "-"});
  if (blind.empty()) {
    return Cell::Forms(
        {absl::StrCat(sources, sources == 1 ? " source" : " sources"), absl::StrCat(sources)});
  }
  const int seen = sources - static_cast<int>(blind.size());
  return Cell::Forms({absl::StrCat(seen, " of ", sources, " sources, ",
                                   Paint(absl::StrCat("blind: ", absl::StrJoin(blind, ", ")),
                                         Colour::kYellow, style)),
                      Paint(absl::StrCat(seen, "/", sources), Colour::kYellow, style)});
}

std::string Mebibytes(uint64_t bytes) {
  return absl::StrFormat("%.1f MiB", static_cast<double>(bytes) / 1048576.0);
}

std::string LostCount(const v1::Host& host, const Style& style) {
  const std::string lost = absl::StrCat(host.lost());
  return host.lost() > 0 ? Paint(lost, Colour::kYellow, style) : lost;
}

std::string BootTable(const v1::Host& host, const Style& style) {
  ZoneName zone(style);
  for (const v1::Boot& boot : host.boots()) {
    zone.Note(boot.first_seen_time());
    zone.Note(boot.last_seen_time());
  }
  Table table({{.heading = "BOOT", .least = 14},
               {.heading = "STATE"},
               {.heading = zone.Heading("FIRST SEEN", "FIRST"), .rank = 1},
               {.heading = zone.Heading("LAST SEEN", "LAST")},
               {.heading = "ACKNOWLEDGED", .rank = 2}},
              style);
  for (const v1::Boot& boot : host.boots()) {
    const size_t dot = boot.name().find('.');
    const std::string id = dot == std::string::npos ? boot.name() : boot.name().substr(dot + 1);
    const State state = StateOf(boot.state());
    table.Add({Escape(id, style, 64), Paint(state.word, state.colour, style),
               TimeCell(boot.first_seen_time(), style), TimeCell(boot.last_seen_time(), style),
               absl::StrCat(boot.acknowledged_sequence())});
  }
  return table.Render();
}

std::string Losses(const v1::Host& host, const Style& style) {
  std::string out;
  for (const v1::Loss& loss : host.losses()) {
    AppendWrapped(
        "", "  ",
        absl::StrCat(Paint("lost ", Colour::kYellow, style), loss.count(), " ",
                     Escape(loss.type(), style, 32), " at ", Escape(loss.where(), style, 32),
                     " from ", FormatTime(loss.from_time(), style), " until ",
                     FormatTime(loss.until_time(), style)),
        style, &out);
  }
  return out;
}

std::string CoverageTable(const v1::Coverage& coverage, const Style& style) {
  Table table({{.heading = "SOURCE"},
               {.heading = "HOOK", .least = 16, .cut = Cut::kMiddle},
               {.heading = "TIER", .rank = 1},
               {.heading = "NOT SEEN BY IT", .rank = 2, .least = 20},
               {.heading = "NOT IN USE", .rank = 3, .least = 20}},
              style);
  for (const v1::SourceCoverage& source : coverage.sources()) {
    std::vector<Cell> row = {Escape(source.source(), style, 32),
                             source.hook().empty() ? Paint("BLIND", Colour::kAlarm, style)
                                                   : Escape(source.hook(), style, 64),
                             source.tier() == 0 ? "-" : absl::StrCat(source.tier())};
    const int lines = std::max({1, source.misses_size(), source.refusals_size()});
    for (int i = 0; i < lines; ++i) {
      const std::string miss = i < source.misses_size() ? Escape(source.misses(i), style, 80) : "";
      row.push_back(miss.empty() ? "" : Paint(miss, Colour::kYellow, style));
      row.push_back(i < source.refusals_size() ? Escape(source.refusals(i), style, 100) : "");
      table.Add(std::move(row));
      row.assign(3, "");
    }
  }
  return table.Render();
}

void Line(absl::string_view label, absl::string_view words, const Style& style, std::string* out) {
  constexpr size_t kLabel = 11;
  const std::string blanks(kLabel, ' ');
  AppendWrapped(absl::StrCat(label, blanks.substr(label.size())), blanks, words, style, out);
}

}  // namespace

std::string DegradationWord(const v1::Degradation& degradation) {
  switch (degradation.kind()) {
    case v1::SPOOL_FULL:
      return "spool full";
    case v1::STATE_UNWRITABLE:
      return "state unwritable";
    case v1::KERNEL_DETACHED:
      return "kernel detached";
    case v1::RESTARTED_WITHOUT_HISTORY:
      return "no history";
    case v1::CLOCK_STEPPED:
      return "clock stepped";
    case v1::CLONE_SUSPECTED:
      return "clone suspected";
    case v1::COLLECTOR_STORE_READ_ONLY:
      return "collector cannot write";
    case v1::LOSING_RECORDS:
      return "losing records";
    case v1::CLAIMS_REFUSED:
      return "claims refused";
    case v1::HOST_NAME_CHANGED:
      return "name changed";
    case v1::HOST_NAME_SHARED:
      return "name of another host";
    default:
      return absl::StrCat("reason ", degradation.kind());  // from a newer collector
  }
}

std::string DegradationSentence(const v1::Degradation& degradation, const Style& style) {
  std::string out = DegradationWord(degradation);
  if (degradation.has_since_time()) {
    absl::StrAppend(&out, " since ", FormatTime(degradation.since_time(), style));
  }
  if (!degradation.detail().empty()) {
    absl::StrAppend(&out, ": ", Escape(degradation.detail(), style));
  }
  return out;
}

std::string RenderHosts(const std::vector<v1::Host>& hosts, bool coverage, const Style& style) {
  if (hosts.empty()) return "No host has an agent yet.\n";
  ZoneName zone(style);
  for (const v1::Host& host : hosts) zone.Note(host.last_seen_time());
  Table table({{.heading = "HOST", .least = 12, .cut = Cut::kMiddle},
               {.heading = "STATE"},
               {.heading = zone.Heading("LAST SEEN", "SEEN")},
               {.heading = "AGENT", .rank = 4},
               {.heading = "KERNEL", .rank = 5, .least = 10},
               {.heading = "EVENTS", .rank = 7},
               {.heading = "LOST", .rank = 1},
               {.heading = "SPOOLED", .rank = 3},
               {.heading = "MEMORY", .rank = 6},
               {.heading = "SEES", .rank = 2}},
              style);
  for (const v1::Host& host : hosts) {
    table.Add({HostLabel(host.host_name(), host.name(), style), StateCell(host, style),
               TimeCell(host.last_seen_time(), style), Escape(host.agent_version(), style, 32),
               Escape(host.coverage().kernel_release(), style, 40), absl::StrCat(host.events()),
               LostCount(host, style), absl::StrCat(host.spooled()),
               Mebibytes(host.resident_bytes()), CoverageCell(host.coverage(), style)});
  }
  std::string out = table.Render();
  if (coverage) {
    for (const v1::Host& host : hosts) absl::StrAppend(&out, "\n", RenderCoverage(host, style));
  }
  return out;
}

std::string RenderHost(const v1::Host& host, const Style& style) {
  ZoneName zone(style);
  for (const auto* time : {&host.last_seen_time(), &host.agent_start_time()}) zone.Note(*time);
  for (const v1::Degradation& one : host.degradations()) zone.Note(one.since_time());
  const State state = StateOf(host.state());
  std::string out = absl::StrCat(
      Paint(HostLabel(host.host_name(), host.name(), style), Colour::kBold, style), "  ",
      Paint(state.word, state.colour, style),
      host.degradations().empty() ? "" : ", " + Paint("DEGRADED", Colour::kAlarm, style), "\n");
  Line("id", Escape(host.name(), style, 80), style, &out);
  Line("last seen",
       absl::StrCat(FormatTime(host.last_seen_time(), style), " (times are ", zone.Get(), ")"),
       style, &out);
  for (const v1::Degradation& one : host.degradations()) {
    Line("degraded", Paint(DegradationSentence(one, style), Colour::kYellow, style), style, &out);
  }
  Line("agent",
       absl::StrCat(Escape(host.agent_version(), style, 32), ", started ",
                    FormatTime(host.agent_start_time(), style), ", ",
                    Mebibytes(host.resident_bytes())),
       style, &out);
  Line("kernel", Escape(host.coverage().kernel_release(), style, 64), style, &out);
  std::vector<std::string> addresses;
  for (const std::string& address : host.addresses()) {
    addresses.push_back(Escape(address, style, 64));
  }
  Line("addresses", addresses.empty() ? "-" : absl::StrJoin(addresses, ", "), style, &out);
  Line("records",
       absl::StrCat(host.events(), " read, ", LostCount(host, style), " lost, ", host.spooled(),
                    " waiting in the spool, acknowledged up to ", host.acknowledged_sequence()),
       style, &out);
  Line("clock",
       absl::StrFormat("%+.1f ms from the collector's reference host",
                       static_cast<double>(host.clock_offset_ns()) / 1e6),
       style, &out);
  if (host.boots_size() > 0) absl::StrAppend(&out, "\n", BootTable(host, style));
  absl::StrAppend(&out, "\n", CoverageTable(host.coverage(), style), Losses(host, style));
  return out;
}

std::string RenderCoverage(const v1::Host& host, const Style& style) {
  std::string out;
  AppendWrapped(
      "", "  ",
      absl::StrCat(Paint(HostLabel(host.host_name(), host.name(), style), Colour::kBold, style),
                   "  ", Escape(host.name(), style), "  kernel ",
                   Escape(host.coverage().kernel_release(), style, 64)),
      style, &out);
  absl::StrAppend(&out, CoverageTable(host.coverage(), style), Losses(host, style));
  return out;
}

std::string RenderRemoved(const v1::Host& host, const std::string& boot, const Style& style) {
  const std::string label = HostLabel(host.host_name(), host.name(), style);
  std::string out;
  if (!boot.empty()) {
    AppendWrapped("", "  ",
                  absl::StrCat("Removed one boot of ", label, ": ", Escape(boot, style, 80)), style,
                  &out);
    return out;
  }
  ZoneName zone(style);
  zone.Note(host.last_seen_time());
  AppendWrapped(
      "", "  ",
      absl::StrCat(
          "Removed ", label, " (", Escape(host.name(), style, 80), "): ", host.boots_size(),
          host.boots_size() == 1 ? " boot" : " boots", ", last seen ",
          FormatTime(host.last_seen_time(), style), " ", zone.Get(), ", ",
          StateOf(host.state()).word,
          ". The records of its sessions stay for as long as the store keeps them; a host that "
          "connects again is listed again."),
      style, &out);
  return out;
}

}  // namespace hoptrail::cli
