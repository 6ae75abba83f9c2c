#include "cli/path_tree.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "cli/format.h"
#include "cli/host_view.h"
#include "cli/incident_view.h"
#include <hoptrail/v1/detection.pb.h>
#include <hoptrail/v1/graph.pb.h>

namespace hoptrail::cli {
namespace {

// Deeper steps are not indented further, since a screen is only so wide. Each step says its depth.
constexpr int kDeepestIndent = 10;
constexpr size_t kIndent = 3;
constexpr size_t kRoomForWords = 48;

int DeepestIndent(const Style& style) {
  if (style.width == 0) return kDeepestIndent;
  const size_t room = style.width > kRoomForWords ? (style.width - kRoomForWords) / kIndent : 0;
  return std::clamp(static_cast<int>(room), 2, kDeepestIndent);
}

class TreeWriter {
 public:
  TreeWriter(const PathView& view, const Style& style)
      : view_(view),
        style_(style),
        shape_(ShapeOf(*view.path)),
        deepest_indent_(DeepestIndent(style)) {
    for (const v1::PathStep& step : view.path->steps()) {
      for (const auto* time :
           {&step.session().open_time(), &step.session().close_time(),
            &step.session().login_end_time(), &step.hop().server().establish_time()}) {
        zone_.Note(*time);
      }
    }
  }

  std::string Write() {
    WriteHeading();
    for (int root : shape_.roots) WriteRoot(root);
    if (view_.path->begins_earlier()) {
      absl::StrAppend(
          &out_, "\n",
          Paint("The path begins earlier: a path of more than 256 sessions in a line is "
                "shown in parts.",
                Colour::kYellow, style_),
          "\n");
    }
    if (view_.path->truncated()) {
      absl::StrAppend(
          &out_, "\n",
          Paint(absl::StrCat("The path goes on: only its first ", steps(), " steps are shown."),
                Colour::kYellow, style_),
          "\n");
    }
    return std::move(out_);
  }

 private:
  int steps() const { return view_.path->steps_size(); }
  const v1::PathStep& step(int i) const { return view_.path->steps(i); }

  std::string Host(const v1::PathStep& s) const {
    return HostLabel(s.session().host_name(), s.session().host(), style_);
  }

  void WriteHeading() {
    if (view_.incident != nullptr) {
      absl::StrAppend(&out_, RenderIncidentHeading(*view_.incident, style_));
    } else {
      absl::StrAppend(&out_, "Path of session ", ShortId(view_.path->name(), style_), "\n");
    }
    WriteSummary();
  }

  void WriteSummary() {
    std::set<std::string> hosts;
    int hops = 0, proven = 0;
    bool inferred = false;  // one of the steps
    for (int i = 0; i < steps(); ++i) {
      hosts.insert(step(i).session().host());
      if (shape_.parents[i] < 0) continue;
      inferred = inferred || step(i).proof() == v1::INFERRED;
      if (!step(i).link().empty()) continue;
      ++hops;
      proven += step(i).hop().proof() == v1::PROVEN && step(i).proof() == v1::PROVEN ? 1 : 0;
    }
    std::string proof;
    if (hops > 0 && proven == hops && !inferred) {
      proof = ", every hop PROVEN";
    } else if (hops > 0) {
      proof = absl::StrCat(", ", proven, " of ", hops, " PROVEN");
    }
    AppendWrapped("", "  ",
                  absl::StrCat(hops, hops == 1 ? " hop" : " hops", ", ", hosts.size(),
                               hosts.size() == 1 ? " host" : " hosts", proof, "; times are ",
                               zone_.Get(), ", by each host's own clock"),
                  style_, &out_);
  }

  void WriteRoot(int root) {
    root_milliseconds_ = StepMilliseconds(step(root));
    const std::string origin = OriginAddress(step(root), style_);
    absl::StrAppend(&out_, "\n");
    if (!origin.empty()) {
      absl::StrAppend(&out_, OriginWords(step(root), style_), ": ",
                      Paint(origin, Colour::kBold, style_), "\n");
    } else {
      absl::StrAppend(&out_, "begins on ", Host(step(root)), ": ",
                      SessionWords(step(root).session(), style_), "\n");
    }
    WriteSteps(root);
  }

  // Depth first, without recursion, since the message decides the depth.
  void WriteSteps(int root) {
    struct Open {
      int index;
      std::string prefix;
      bool last;
      int indent;
    };
    std::vector<Open> stack = {{root, "", true, 0}};
    while (!stack.empty()) {
      const Open open = std::move(stack.back());
      stack.pop_back();
      const std::vector<int>& children = shape_.children[open.index];
      const bool deeper = open.indent < deepest_indent_;
      const std::string below =
          deeper ? absl::StrCat(open.prefix, open.last ? style_.gap() : style_.trunk())
                 : open.prefix;
      WriteStep(open.index,
                absl::StrCat(open.prefix, open.last ? style_.last_branch() : style_.branch()),
                absl::StrCat(below, deeper && children.empty() ? style_.gap() : style_.trunk()));
      if (!children.empty()) {
        absl::StrAppend(&out_, below, absl::string_view(style_.utf8 ? "│" : "|"), "\n");
      }
      for (size_t i = children.size(); i-- > 0;) {
        stack.push_back({children[i], below, i + 1 == children.size(), open.indent + 1});
      }
    }
  }

  // `branch` leads to the step; the lines about it begin with `prefix`.
  void WriteStep(int index, const std::string& branch, const std::string& prefix) {
    const v1::PathStep& s = step(index);
    const v1::Session& session = s.session();
    const int parent = shape_.parents[index];
    const int64_t began = StepMilliseconds(s);
    google::protobuf::Timestamp time;
    time.set_seconds(began / 1000);
    time.set_nanos(static_cast<int32_t>(began % 1000 * 1'000'000));
    std::string words = absl::StrCat(Paint(Host(s), Colour::kBold, style_), " as ",
                                     Paint(SessionTitle(session, style_), Colour::kBold, style_),
                                     "  ", FormatTime(time, style_));
    if (parent >= 0) {
      absl::StrAppend(&words, "  ", FormatOffset(began - root_milliseconds_), "  hop ", s.depth(),
                      "  ", ProofWords(s, style_));
    }
    AppendWrapped(branch, absl::StrCat(prefix, "  "), words, style_, &out_);

    // Nobody knows the user on a host without an agent.
    int known = parent;
    while (known >= 0 && !step(known).session().unmonitored_address().empty()) {
      known = shape_.parents[known];
    }
    if (known >= 0 && session.unmonitored_address().empty()) {
      WriteUserChange(prefix, step(known), s);
    }
    for (const v1::OtherCause& cause : s.other_causes()) {
      Line(prefix, Paint("or by", Colour::kYellow, style_), OtherCauseWords(cause, style_));
    }
    if (!session.unmonitored_address().empty()) {
      Line(prefix, "in", "nobody reports what was done here");
    } else if (!session.drives().empty()) {
      Line(prefix, "in",
           absl::StrCat("what ", ShortId(session.drives(), style_),
                        " did because of this connection or session"));
    } else if (session.kind() == v1::REMOTE) {
      Line(prefix, "in",
           session.logged_in() ? FormatLogin(session, style_)
                               : absl::string_view("connection only, no login seen"));
    } else if (session.kind() != v1::ENTRY_KIND_UNSPECIFIED) {
      Line(prefix, "in",
           absl::StrCat(Lower(v1::EntryKind_Name(session.kind())), " ",
                        Escape(session.unit(), style_, 128)));
    }
    WriteFrom(prefix, parent, s);
    if (!session.unmonitored_address().empty() && s.origin_hosts_size() > 0) {
      Line(prefix, "address", OriginHostWords(s, style_));
    }
    WriteSession(prefix, session);
    WriteDegraded(prefix, session.host());
    for (const std::string& name : s.detections()) WriteDetection(prefix, name);
  }

  void WriteUserChange(const std::string& prefix, const v1::PathStep& from,
                       const v1::PathStep& to) {
    const std::string before = UserLabel(from.session(), style_);
    const std::string after = UserLabel(to.session(), style_);
    if (before == after) return;
    Line(prefix, Paint("user", Colour::kYellow, style_),
         absl::StrCat(Paint("CHANGED", Colour::kYellow, style_), " ", before, " ", style_.arrow(),
                      " ", after));
  }

  void WriteFrom(const std::string& prefix, int parent, const v1::PathStep& s) {
    const v1::Hop& hop = s.hop();
    if (hop.has_server()) {
      Line(prefix, "from", FormatFlow(hop.server().flow(), style_));
    } else if (s.session().has_entry_flow()) {
      Line(prefix, "from", FormatFlow(s.session().entry_flow(), style_));
    }
    if (!hop.has_client()) return;
    const std::string host =
        parent >= 0 ? Host(step(parent)) : ShortId(hop.client().host(), style_);
    if (!hop.has_server() || IsTranslated(s)) {
      Line(prefix, "",
           absl::StrCat(FormatFlow(hop.client().flow(), style_), " as ", host, " saw it",
                        hop.has_server() ? " (addresses translated between)" : ""));
    }
    const std::string user = hop.client().user().empty() ? absl::StrCat("uid ", hop.client().uid())
                                                         : Escape(hop.client().user(), style_, 64);
    if (!hop.client().program().empty()) {
      Line(prefix, "by",
           absl::StrCat(Escape(hop.client().program(), style_, 128), " as ", user, " on ", host));
    }
  }

  void WriteSession(const std::string& prefix, const v1::Session& session) {
    std::string words = ShortId(session.name(), style_);
    if (!session.terminal().empty()) {
      absl::StrAppend(&words, ", ", Escape(session.terminal(), style_, 32));
    }
    if (session.has_close_time()) {
      absl::StrAppend(&words, ", closed ", FormatTime(session.close_time(), style_));
    } else if (session.has_login_end_time()) {
      absl::StrAppend(&words, ", login ended ", FormatTime(session.login_end_time(), style_), ", ",
                      Paint("its processes live on", Colour::kYellow, style_));
    } else {
      absl::StrAppend(&words, ", ", Paint("open", Colour::kYellow, style_));
    }
    Line(prefix, "session", words);
  }

  // The degradations of this step's host; the heading has them in full.
  void WriteDegraded(const std::string& prefix, const std::string& host) {
    if (view_.incident == nullptr) return;
    for (const v1::DegradedHost& degraded : view_.incident->degraded_hosts()) {
      if (degraded.host() != host) continue;
      std::vector<std::string> words;
      for (const v1::Degradation& one : degraded.degradations()) {
        words.push_back(DegradationWord(one));
      }
      Line(prefix, Paint("degraded", Colour::kYellow, style_), absl::StrJoin(words, ", "));
    }
  }

  void WriteDetection(const std::string& prefix, const std::string& name) {
    const auto found = view_.detections->find(name);
    if (found == view_.detections->end()) {
      Line(prefix, "detected", absl::StrCat(ShortId(name, style_), " (not loaded)"));
      return;
    }
    const v1::Detection& detection = found->second;
    std::string words =
        absl::StrCat(Escape(detection.rule(), style_, 64), ": ", Escape(detection.title(), style_));
    if (detection.techniques_size() > 0) {
      absl::StrAppend(&words, "  [",
                      Escape(absl::StrJoin(detection.techniques(), ", "), style_, 128), "]");
    }
    Line(prefix, SeverityWord(detection.severity(), style_), words);
    if (!detection.summary().empty() && detection.summary() != detection.title()) {
      Line(prefix, "", Escape(detection.summary(), style_));
    }
  }

  void Line(const std::string& prefix, absl::string_view label, absl::string_view words) {
    constexpr size_t kLabelWidth = 9;
    const size_t width = Width(label);
    const std::string blanks(width < kLabelWidth ? kLabelWidth - width : 1, ' ');
    AppendWrapped(absl::StrCat(prefix, label, blanks),
                  absl::StrCat(prefix, std::string(kLabelWidth, ' ')), words, style_, &out_);
  }

  const PathView& view_;
  const Style& style_;
  const PathShape shape_;
  const int deepest_indent_;
  ZoneName zone_{style_};
  int64_t root_milliseconds_ = 0;
  std::string out_;
};

}  // namespace

std::string RenderPathTree(const PathView& view, const Style& style) {
  return TreeWriter(view, style).Write();
}

}  // namespace hoptrail::cli
