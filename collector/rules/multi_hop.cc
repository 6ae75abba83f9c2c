#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "collector/rules/fleet_rule.h"
#include "collector/rules/path_detection.h"
#include "core/detect/evidence.h"

namespace hoptrail::collector::rules {
namespace {

using engine::HostLabel;
using engine::Label;
using engine::Step;
using hoptrail::detect::AddEvidence;
using hoptrail::detect::Bounded;
using hoptrail::detect::RuleInfo;

constexpr uint32_t kLeastDepth = 2;

// A path of several hops. One detection a path, tied to its deepest session and emitted again as
// the path grows. Its severity is medium, or high on a path that is deeper than the least depth or
// on which the user changes.
class MultiHopRule final : public FleetRule {
 public:
  static const RuleInfo& Info() {
    static const RuleInfo& info = *new RuleInfo{
        .id = "multi-hop",
        .title = "Movement over several hosts in a row",
        .techniques = {"T1021.004", "T1021"},
        .severity = model::Severity::kMedium,
        .check =
            "Does the person behind the first session know of the last one? Look at the hops "
            "that were never taken before.",
        .benign_causes = {"administration through more than one bastion",
                          "deployment tools that log in from host to host"},
    };
    return info;
  }

  explicit MultiHopRule(const v1::FleetRulesConfig& config)
      : least_depth_(config.multi_hop().depth() == 0 ? kLeastDepth : config.multi_hop().depth()) {}

  const RuleInfo& info() const override { return Info(); }
  Interests interests() const override { return kPaths; }

  Concern ConcernWith(const engine::PathExtent& extent) const override {
    return extent.reached > 0 && extent.depth >= least_depth_ ? Concern::kEvaluate : Concern::kNone;
  }

  std::optional<model::Detection> OnPath(const engine::PathChange& change) const override {
    const engine::PathView& path = change.deepest;
    const Step& last = path.back();
    if (last.depth < least_depth_) return std::nullopt;
    std::vector<std::string> changes;
    std::vector<std::string> new_edges;
    for (size_t i = 1; i < path.size(); ++i) {
      const Step& from = path[i - 1];
      const Step& to = path[i];
      if (!from.user.empty() && !to.user.empty() && from.user != to.user) {
        changes.push_back(absl::StrCat(Label(from), " → ", Label(to)));
      }
      if (to.by_hop && to.new_edge) {
        new_edges.push_back(absl::StrCat(HostLabel(from), " → ", Label(to)));
      }
    }
    model::Detection detection = DetectionOn(last, Info(), last.opened_wall_ns);
    if (!changes.empty() || last.depth > least_depth_) detection.severity = model::Severity::kHigh;
    detection.severity = Discounted(detection.severity, path);
    detection.summary = Bounded(absl::StrCat(LabelWithOrigin(path.front()), " went on over ",
                                             last.depth, " hops: ", engine::Chain(path)));
    AddEvidence(detection, "depth", absl::StrCat(last.depth));
    AddEvidence(detection, "origin", path.front().origin);
    AddEvidence(detection, "user_changes", absl::StrJoin(changes, "; "));
    AddEvidence(detection, "new_edges", absl::StrJoin(new_edges, "; "));
    AddPathEvidence(path, &detection);
    return detection;
  }

 private:
  const uint32_t least_depth_;
};

}  // namespace

FleetRuleEntry MultiHop() { return EntryOf<MultiHopRule>(); }

}  // namespace hoptrail::collector::rules
