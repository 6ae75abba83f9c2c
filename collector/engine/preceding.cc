#include "collector/engine/preceding.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "collector/engine/suspicion.h"
#include "core/detect/evidence.h"
#include "core/model/names.h"

namespace hoptrail::collector::engine {
namespace {

constexpr size_t kMost = 3;
constexpr size_t kMaxBytes = 160;  // of one entry
// The engine gets a report some time after the trouble, and further facts before it.
constexpr int64_t kSlackNs = int64_t{5} * 1'000'000'000;

std::string At(int64_t wall_ns) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixNanos(wall_ns), absl::UTCTimeZone());
}

// Keeps the latest few of many.
template <typename T>
class Latest {
 public:
  void Add(int64_t wall_ns, T what) { all_.emplace_back(wall_ns, std::move(what)); }

  // Calls `text(wall_ns, what)` for each, the latest first.
  template <typename Text>
  std::vector<std::string> Describe(Text text) {
    const auto end = all_.begin() + static_cast<ptrdiff_t>(std::min(kMost, all_.size()));
    std::partial_sort(all_.begin(), end, all_.end(),
                      [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<std::string> texts;
    for (auto it = all_.begin(); it != end; ++it) {
      texts.push_back(
          detect::Bounded(absl::StrCat(At(it->first), " ", text(it->second)), kMaxBytes));
    }
    return texts;
  }

 private:
  std::vector<std::pair<int64_t, T>> all_;
};

// The peer of a connection that the session accepted.
std::string PeerOf(const GraphState& graph, const model::Session& session, const HopNode& hop) {
  const SessionNode* client = graph.Find(hop.client.session);
  if (client != nullptr && client->value.has_value())
    return Label(graph.StepOf(hop.client.session));
  if (!hop.client.host.empty()) return graph.HostName(hop.client.host);
  if (hop.opened_session && session.entry.has_value()) {
    return model::ToString(session.entry->flow.client.address);
  }
  return "a host without an agent";
}

// Not the collector's own detections about the sensor: one silence would make the next suspicious.
bool Counts(const model::Detection& detection) {
  if (detection.severity < model::Severity::kLow) return false;
  if (detection.rule != "blinding") return true;
  const auto kind = detection.evidence.find("kind");
  return kind != detection.evidence.end() && kind->second == "tampering";
}

class Reader {
 public:
  Reader(const EngineState& state, int64_t wall_ns) : graph_(state.graph), wall_ns_(wall_ns) {}

  void Add(const SessionNode& node) {
    const model::Session& session = *node.value;
    if (IsAgentItself(session) || session.opened_wall_ns > wall_ns_ + kSlackNs) return;
    if (session.drives.empty() && graph_.Entered(session.id)) {
      sessions_.Add(session.opened_wall_ns, session.id);
      AddHops(node);
    }
    for (const model::DetectionId& id : node.detections) {
      const model::Detection& detection = graph_.detections.at(id);
      if (!Counts(detection) || detection.wall_ns > wall_ns_ + kSlackNs) continue;
      detections_.Add(detection.wall_ns, id);
      lately_.detection_lately |= detection.wall_ns >= wall_ns_ - kIncidentLatelyNs;
    }
  }

  Preceding Take() {
    lately_.hops_in = hops_.Describe([this](const auto& hop) {
      const model::Session& session = *graph_.Find(hop.first)->value;
      return absl::StrCat("from ", PeerOf(graph_, session, graph_.hops.at(hop.second)), " into ",
                          Label(graph_.StepOf(hop.first)));
    });
    lately_.detections = detections_.Describe([this](const model::DetectionId& id) {
      const model::Detection& detection = graph_.detections.at(id);
      return absl::StrCat(detection.rule, " (", model::ToString(detection.severity), ") of ",
                          Label(graph_.StepOf(detection.session)), ": ", detection.summary);
    });
    lately_.sessions = sessions_.Describe([this](const model::SessionId& id) {
      const int64_t closed = graph_.Find(id)->value->closed_wall_ns;
      return absl::StrCat(Label(graph_.StepOf(id)),
                          closed == 0 ? "" : absl::StrCat(", ended ", At(closed)));
    });
    return std::move(lately_);
  }

 private:
  void AddHops(const SessionNode& node) {
    const model::Session& session = *node.value;
    for (const auto& [key, end] : node.ends) {
      const auto hop = graph_.hops.find(end.hop);
      if (hop == graph_.hops.end() || hop->second.server.key != key) continue;
      const int64_t wall_ns = WallOf(end, session);
      if (wall_ns > wall_ns_ + kSlackNs) continue;
      hops_.Add(wall_ns, std::make_pair(session.id, end.hop));
      // A service accepts connections all the time.
      const bool lived =
          session.closed_wall_ns == 0 || session.closed_wall_ns >= wall_ns_ - kLatelyNs;
      lately_.hop_lately |= end.opened && lived;
    }
  }

  const GraphState& graph_;
  const int64_t wall_ns_;
  Preceding lately_;
  Latest<std::pair<model::SessionId, graph::HopId>> hops_;
  Latest<model::DetectionId> detections_;
  Latest<model::SessionId> sessions_;
};

}  // namespace

Preceding ReadPreceding(const EngineState& state, const model::HostId& host, int64_t wall_ns) {
  const auto sessions = state.graph.by_host.find(host);
  if (sessions == state.graph.by_host.end()) return {};
  Reader reader(state, wall_ns);
  for (const model::SessionId& id : sessions->second) {
    const SessionNode& node = *state.graph.Find(id);
    if (node.value.has_value()) reader.Add(node);
  }
  return reader.Take();
}

}  // namespace hoptrail::collector::engine
