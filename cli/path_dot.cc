#include "cli/path_dot.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "cli/format.h"
#include <hoptrail/v1/detection.pb.h>
#include <hoptrail/v1/graph.pb.h>

namespace hoptrail::cli {
namespace {

// A quoted string of the DOT language. `text` is already escaped for terminals; only Label() puts
// "\n" into it.
std::string Quote(absl::string_view text) {
  return absl::StrCat(
      "\"", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}}), "\"");
}

std::string Label(const PathView& view, const v1::PathStep& step, const Style& style) {
  const v1::Session& session = step.session();
  ZoneName zone(style);
  zone.Note(session.open_time());
  std::string label = absl::StrCat(HostLabel(session.host_name(), session.host(), style), " as ",
                                   SessionTitle(session, style), "\n",
                                   FormatTime(session.open_time(), style), " ", zone.Get());
  if (session.kind() == v1::REMOTE) {
    absl::StrAppend(&label, "\n", FormatLogin(session, style));
  }
  for (const std::string& name : step.detections()) {
    const auto found = view.detections->find(name);
    if (found == view.detections->end()) continue;
    absl::StrAppend(&label, "\n", SeverityWord(found->second.severity(), style), " ",
                    Escape(found->second.rule(), style, 64));
  }
  return label;
}

std::string EdgeLabel(const v1::PathStep& step, const Style& style) {
  std::string label = ProofWords(step, style);
  if (step.hop().has_server()) {
    absl::StrAppend(&label, "\n", FormatFlow(step.hop().server().flow(), style));
  }
  return label;
}

}  // namespace

std::string RenderPathDot(const PathView& view, bool utc) {
  const Style style = {.utc = utc};  // No colour, UTF-8: the DOT language's own character set.
  const PathShape shape = ShapeOf(*view.path);
  std::string out =
      absl::StrCat("digraph path {\n  label=", Quote(Escape(view.path->name(), style)),
                   ";\n  rankdir=LR;\n  node [shape=box];\n");
  for (int i = 0; i < view.path->steps_size(); ++i) {
    const v1::PathStep& step = view.path->steps(i);
    const bool alarm = step.detections_size() > 0;
    absl::StrAppend(&out, "  s", i, " [label=", Quote(Label(view, step, style)),
                    alarm ? ", color=red" : "", "];\n");
    if (shape.parents[i] >= 0) {
      const bool proven = step.proof() == v1::PROVEN;
      absl::StrAppend(&out, "  s", shape.parents[i], " -> s", i,
                      " [label=", Quote(EdgeLabel(step, style)), proven ? "" : ", style=dashed",
                      "];\n");
    } else if (const std::string origin = OriginAddress(step, style); !origin.empty()) {
      absl::StrAppend(&out, "  o", i,
                      " [label=", Quote(absl::StrCat(OriginWords(step, style), "\n", origin)),
                      ", shape=ellipse];\n  o", i, " -> s", i, ";\n");
    }
  }
  if (view.path->begins_earlier()) {
    absl::StrAppend(&out, "  earlier [label=\"the path begins earlier\"];\n");
  }
  absl::StrAppend(&out, view.path->truncated() ? "  more [label=\"the path goes on\"];\n" : "",
                  "}\n");
  return out;
}

}  // namespace hoptrail::cli
