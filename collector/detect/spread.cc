#include "collector/detect/spread.h"

#include <algorithm>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "core/detect/evidence.h"

namespace hoptrail::collector::detect {

using hoptrail::detect::AddEvidence;
using hoptrail::detect::Bounded;
using hoptrail::detect::BoundedSet;
using hoptrail::detect::RuleInfo;

const RuleInfo& Spread::Info() {
  static const RuleInfo& info = *new RuleInfo{
      .id = "spread",
      .title = "One origin reaches many hosts in a short time",
      .techniques = {"T1021", "T1021.004"},
      .severity = model::Severity::kHigh,
      .check = "Is the first session a known tool for administration, started by who may use it?",
      .benign_causes = {"configuration management", "a fleet-wide command of an administrator"},
  };
  return info;
}

std::optional<model::Detection> Spread::Judge(const Step& root,
                                              std::vector<Arrival> arrivals) const {
  std::sort(arrivals.begin(), arrivals.end(), [](const Arrival& a, const Arrival& b) {
    return std::tie(a.wall_ns, a.machine) < std::tie(b.wall_ns, b.machine);
  });
  // A window slides over the arrivals; the fullest one is told.
  absl::flat_hash_map<model::MachineId, size_t> inside;
  size_t best = 0, best_from = 0, best_until = 0, from = 0;
  for (size_t i = 0; i < arrivals.size(); ++i) {
    if (arrivals[i].machine != root.host.machine) inside[arrivals[i].machine]++;
    for (; arrivals[i].wall_ns - arrivals[from].wall_ns > window_ns_; ++from) {
      auto it = inside.find(arrivals[from].machine);
      if (it != inside.end() && --it->second == 0) inside.erase(it);
    }
    if (inside.size() > best) {
      best = inside.size();
      best_from = from;
      best_until = i;
    }
  }
  if (best < hosts_ || best == 0) return std::nullopt;

  BoundedSet names(24);
  for (size_t i = best_from; i <= best_until; ++i) {
    if (arrivals[i].machine != root.host.machine) {
      names.Add(arrivals[i].host_name.empty() ? "?" : arrivals[i].host_name);
    }
  }
  const int64_t seconds =
      (arrivals[best_until].wall_ns - arrivals[best_from].wall_ns + 999'999'999) / 1'000'000'000;
  model::Detection detection = hoptrail::detect::MakeDetection(
      Info(), {.host = root.host,
               .session = root.session,
               .wall_ns = arrivals[best_until].wall_ns});
  detection.summary =
      Bounded(absl::StrCat(Label(root), root.origin.empty() ? "" : " from ", root.origin,
                           " reached ", best, " hosts within ", seconds, " s: ", names.Text()));
  AddEvidence(detection, "hosts", absl::StrCat(best));
  AddEvidence(detection, "host_names", names.Text());
  AddEvidence(detection, "seconds", absl::StrCat(seconds));
  AddEvidence(detection, "root", Label(root));
  AddEvidence(detection, "origin", root.origin);
  return detection;
}

}  // namespace hoptrail::collector::detect
