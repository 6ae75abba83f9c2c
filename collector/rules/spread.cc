#include <algorithm>
#include <cstdint>
#include <optional>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"

#include "collector/rules/fleet_rule.h"
#include "collector/rules/path_detection.h"
#include "core/detect/evidence.h"
#include "core/model/title.h"

namespace hoptrail::collector::rules {
namespace {

using engine::Arrival;
using hoptrail::detect::AddEvidence;
using hoptrail::detect::Bounded;
using hoptrail::detect::BoundedSet;
using hoptrail::detect::RuleInfo;

constexpr size_t kMaxHostNames = 24;
constexpr uint32_t kHosts = 5;
constexpr uint32_t kWindowSeconds = 600;

// One root reaches many hosts in a short time. One detection a path, tied to its root. The root's
// own host is not counted.
class SpreadRule final : public FleetRule {
 public:
  static const RuleInfo& Info() {
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

  explicit SpreadRule(const v1::FleetRulesConfig& rules) {
    const v1::SpreadConfig& config = rules.spread();
    if (config.hosts() != 0) hosts_ = config.hosts();
    if (config.window_seconds() != 0) window_ns_ = config.window_seconds() * kSecondNs;
  }

  const RuleInfo& info() const override { return Info(); }
  Interests interests() const override { return kPaths; }

  Concern ConcernWith(const engine::PathExtent& extent) const override {
    // A path with more arrivals was reported long ago. Counting all again would cost too much.
    if (extent.reached > engine::kMaxArrivals) return Concern::kKeep;
    return extent.reached > 0 && extent.reached >= hosts_ ? Concern::kEvaluate : Concern::kNone;
  }

  std::optional<model::Detection> OnPath(const engine::PathChange& change) const override;

 private:
  static constexpr int64_t kSecondNs = 1'000'000'000;

  uint32_t hosts_ = kHosts;
  int64_t window_ns_ = kWindowSeconds * kSecondNs;
};

std::optional<model::Detection> SpreadRule::OnPath(const engine::PathChange& change) const {
  const engine::Step& root = change.root;
  std::vector<const Arrival*> arrivals;
  for (const Arrival& arrival : change.arrivals) arrivals.push_back(&arrival);
  std::sort(arrivals.begin(), arrivals.end(), [](const Arrival* a, const Arrival* b) {
    return std::tie(a->wall_ns, a->host) < std::tie(b->wall_ns, b->host);
  });
  // A window slides over the arrivals. The rule reports the one with the most machines.
  absl::flat_hash_map<model::MachineId, size_t> inside;
  size_t best = 0, best_from = 0, best_until = 0, from = 0;
  for (size_t i = 0; i < arrivals.size(); ++i) {
    const model::MachineId& machine = arrivals[i]->host.machine;
    if (machine != root.host.machine) inside[machine]++;
    for (; arrivals[i]->wall_ns - arrivals[from]->wall_ns > window_ns_; ++from) {
      auto it = inside.find(arrivals[from]->host.machine);
      if (it != inside.end() && --it->second == 0) inside.erase(it);
    }
    if (inside.size() > best) {
      best = inside.size();
      best_from = from;
      best_until = i;
    }
  }
  if (best < hosts_ || best == 0) return std::nullopt;

  BoundedSet names(kMaxHostNames);
  absl::flat_hash_set<model::MachineId> named;
  for (size_t i = best_from; i <= best_until && named.size() <= kMaxHostNames; ++i) {
    const model::HostId& host = arrivals[i]->host;
    if (host.machine == root.host.machine || !named.insert(host.machine).second) continue;
    names.Add(model::HostTitle(arrivals[i]->host_name, host));
  }
  const int64_t seconds =
      (arrivals[best_until]->wall_ns - arrivals[best_from]->wall_ns + 999'999'999) / 1'000'000'000;
  model::Detection detection = DetectionOn(root, Info(), arrivals[best_until]->wall_ns);
  detection.summary = Bounded(absl::StrCat(LabelWithOrigin(root), " reached ", best,
                                           " hosts within ", seconds, " s: ", names.Text()));
  AddEvidence(detection, "hosts", absl::StrCat(best));
  AddEvidence(detection, "host_names", names.Text());
  AddEvidence(detection, "seconds", absl::StrCat(seconds));
  AddEvidence(detection, "root", engine::Label(root));
  AddEvidence(detection, "origin", root.origin);
  return detection;
}

}  // namespace

FleetRuleEntry Spread() { return EntryOf<SpreadRule>(); }

}  // namespace hoptrail::collector::rules
