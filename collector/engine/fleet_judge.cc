#include "collector/engine/fleet_judge.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "core/detect/evidence.h"

namespace hoptrail::collector::path {
namespace {

// A path that reached more sessions than this has long been told of; it is not counted further.
constexpr size_t kMaxArrivals = 1024;
constexpr char kWithdrawn[] = "withdrawn";

model::Detection Withdrawn(model::Detection detection) {
  detection.severity = model::Severity::kInfo;
  detection.summary = hoptrail::detect::Bounded(
      absl::StrCat("Withdrawn, the path turned out to be another: ", detection.summary));
  detection.evidence[kWithdrawn] = "the path turned out to be another";
  return detection;
}

}  // namespace

FleetJudge::FleetJudge(const RuleOptions& options, const World* world)
    : options_(options),
      world_(world),
      multi_hop_(options.multi_hop_depth),
      spread_(options.spread_hosts, int64_t{options.spread_window_seconds} * 1'000'000'000) {}

std::vector<model::Detection> FleetJudge::JudgeSession(const model::SessionId& id) const {
  const hoptrail::detect::RuleInfo& rule = detect::CredentialSwitch::Info();
  std::vector<model::Detection> out;
  std::optional<model::Detection> wanted;
  if (options_.credential_switch && world_->Entered(id)) {
    wanted = credential_switch_.Judge(world_->View(id));
  }
  if (wanted.has_value()) {
    out.push_back(*std::move(wanted));
    return out;
  }
  auto stands = world_->detections.find(model::DeriveDetectionId(rule.id, id, ""));
  if (stands != world_->detections.end() && !IsWithdrawn(stands->second)) {
    out.push_back(Withdrawn(stands->second));
  }
  return out;
}

std::vector<model::Detection> FleetJudge::JudgeTree(const model::SessionId& root,
                                                    const TreeIndex::Tree& tree) const {
  std::vector<model::Detection> out;
  std::optional<model::Detection> wanted;
  if (options_.multi_hop && !tree.reached.empty() &&
      tree.reached.begin()->depth >= options_.multi_hop_depth) {
    wanted = multi_hop_.Judge(world_->View(tree.reached.begin()->session));
  }
  Reconcile(detect::MultiHop::Info(), tree, std::move(wanted), &out);
  if (tree.reached.size() <= kMaxArrivals) {
    wanted.reset();
    if (options_.spread && tree.reached.size() >= options_.spread_hosts) {
      wanted = JudgeSpread(root, tree);
    }
    Reconcile(detect::Spread::Info(), tree, std::move(wanted), &out);
  }
  return out;
}

bool FleetJudge::IsFleetRule(absl::string_view rule) {
  return rule == detect::MultiHop::Info().id || rule == detect::CredentialSwitch::Info().id ||
         rule == detect::Spread::Info().id;
}

bool FleetJudge::IsWithdrawn(const model::Detection& detection) {
  return IsFleetRule(detection.rule) && detection.evidence.contains(kWithdrawn);
}

void FleetJudge::Reconcile(const hoptrail::detect::RuleInfo& rule, const TreeIndex::Tree& tree,
                           std::optional<model::Detection> wanted,
                           std::vector<model::Detection>* out) const {
  std::vector<const model::Detection*> standing;
  for (const model::SessionId& session : tree.detected) {
    for (const model::DetectionId& id : world_->Find(session)->detections) {
      const model::Detection& detection = world_->detections.at(id);
      if (rule.id == absl::string_view(detection.rule) && !IsWithdrawn(detection)) {
        standing.push_back(&detection);
      }
    }
  }
  std::sort(standing.begin(), standing.end(),
            [](const auto* a, const auto* b) { return a->id < b->id; });
  const model::Detection* kept = nullptr;
  if (wanted.has_value() && !standing.empty()) {
    kept = standing.front();
    wanted->id = kept->id;
  } else if (wanted.has_value()) {
    // The id may be in use: a path that was split off took it along.
    for (int i = 2; i < 100; ++i) {
      auto it = world_->detections.find(wanted->id);
      if (it == world_->detections.end() || IsWithdrawn(it->second)) break;
      wanted->id = model::DeriveDetectionId(rule.id, wanted->session, absl::StrCat(i));
    }
  }
  for (const model::Detection* other : standing) {
    if (other != kept) out->push_back(Withdrawn(*other));
  }
  if (wanted.has_value()) out->push_back(*std::move(wanted));
}

std::optional<model::Detection> FleetJudge::JudgeSpread(const model::SessionId& root,
                                                        const TreeIndex::Tree& tree) const {
  std::vector<detect::Spread::Arrival> arrivals;
  const detect::Step root_step = world_->StepOf(root);
  const join::ClockOffsets& clocks = world_->joiner.wall_clocks();
  for (const TreeIndex::Deepest& reached : tree.reached) {
    const SessionNode* node = world_->Find(reached.session);
    if (node == nullptr) continue;
    const int64_t ahead = clocks.Difference(root_step.host, node->host).value_or(0);
    arrivals.push_back({reached.opened_wall_ns - ahead, node->host});
  }
  return spread_.Judge(root_step, std::move(arrivals),
                       [this](const model::HostId& host) { return world_->HostName(host); });
}

}  // namespace hoptrail::collector::path
