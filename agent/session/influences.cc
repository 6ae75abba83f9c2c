#include "agent/session/influences.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"

namespace hoptrail::agent::session {
namespace {

// The process that acts has ended, and what it asked for may still go on.
constexpr uint64_t kLastsAfterEndNs = 2'000'000'000;
constexpr int kMaxAncestors = 32;

// Left for the session's own login, which is never ruled out.
constexpr double kMostTogether = 0.95;

// How likely it is that the session acts because of such an influence, if nobody else uses the
// process.
double ProbabilityOf(InfluenceKind kind) { return kind == InfluenceKind::kSocket ? 0.5 : 0.9; }

model::Driver* FindSame(const model::Driver& driver, model::Drivers* drivers) {
  for (model::Driver& each : *drivers) {
    if (each.hop_key == driver.hop_key && each.session == driver.session) return &each;
  }
  return nullptr;
}

}  // namespace

void AddDriver(model::Driver driver, model::Drivers* drivers) {
  model::Driver* known = FindSame(driver, drivers);
  if (known == nullptr) {
    drivers->push_back(std::move(driver));
  } else if (known->probability < driver.probability) {
    *known = std::move(driver);
  }
}

model::Drivers MergeDrivers(const model::Drivers& drivers, model::Drivers more) {
  model::Drivers merged = std::move(more);
  for (const model::Driver& driver : drivers) {
    if (FindSame(driver, &merged) == nullptr) merged.push_back(driver);
  }
  std::stable_sort(merged.begin(), merged.end(), [](const auto& left, const auto& right) {
    return left.probability > right.probability;
  });
  if (merged.size() > model::kMaxDrivers) merged.resize(model::kMaxDrivers);
  double sum = 0;
  for (const model::Driver& driver : merged) sum += driver.probability;
  if (sum > kMostTogether) {
    for (model::Driver& driver : merged) driver.probability *= kMostTogether / sum;
  }
  return merged;
}

void Influences::Add(const model::ProcessKey& target, Influence influence) {
  if (!targets_.contains(target)) {
    while (targets_.size() >= kMaxTargets && !order_.empty()) {
      targets_.erase(order_.front());
      order_.pop_front();
    }
    order_.push_back(target);
    const process::Process* process = processes_.Find(target);
    if (process != nullptr) targets_[target].session = process->session;
  }
  std::vector<Influence>& influences = targets_[target].influences;
  std::erase_if(influences, [&](const Influence& each) {
    return each.actor == influence.actor && each.kind == influence.kind;
  });
  if (influences.size() >= kMaxOfTarget) influences.erase(influences.begin());
  influences.push_back(std::move(influence));
}

bool Influences::Acts(const Influence& influence, uint64_t boot_ns) const {
  if (influence.since_boot_ns > boot_ns) return false;
  if (influence.kind == InfluenceKind::kMemory) return true;
  const process::Process* actor = processes_.Find(influence.actor);
  if (actor == nullptr) return false;
  return actor->alive() || actor->exited_boot_ns + kLastsAfterEndNs >= boot_ns;
}

// Whether the session that has the process uses it itself. The first client of a terminal
// multiplexer starts the server as its child and never connects. An ssh master that has not gone to
// the background is its own first user.
bool Influences::HasOwnUser(const model::ProcessKey& key, InfluenceKind kind) const {
  const process::Process* process = processes_.Find(key);
  if (process == nullptr) return false;
  if (kind == InfluenceKind::kSshMux) return process->alive();
  if (kind != InfluenceKind::kTerminal) return false;
  const process::Process* ancestor = processes_.Find(process->parent);
  for (int i = 0; ancestor != nullptr && i < kMaxAncestors; ++i) {
    if (ancestor->program() != process->program()) return false;
    if (ancestor->alive()) return true;
    ancestor = processes_.Find(ancestor->parent);
  }
  return false;
}

void Influences::Collect(const model::ProcessKey& key, const Target& target, uint64_t boot_ns,
                         model::Drivers* drivers) const {
  absl::flat_hash_set<model::SessionId> users;  // that share the process
  std::vector<const Influence*> acting;
  for (const Influence& influence : target.influences) {
    if (!Acts(influence, boot_ns)) continue;
    if (influence.kind != InfluenceKind::kMemory) users.insert(influence.session);
    if (influence.session == target.session) continue;
    acting.push_back(&influence);
    if (HasOwnUser(key, influence.kind)) users.insert(target.session);
  }
  for (const Influence* influence : acting) {
    const double shared = influence->kind == InfluenceKind::kMemory || users.empty()
                              ? 1
                              : static_cast<double>(users.size());
    AddDriver({.session = influence->session,
               .method = influence->method,
               .probability = ProbabilityOf(influence->kind) / shared},
              drivers);
  }
}

model::Drivers Influences::Find(const model::ProcessKey& process, uint64_t boot_ns) const {
  model::Drivers drivers;
  model::ProcessKey key = process;
  for (int i = 0; i < kMaxAncestors && !key.empty(); ++i) {
    const auto found = targets_.find(key);
    if (found != targets_.end()) Collect(key, found->second, boot_ns, &drivers);
    const process::Process* each = processes_.Find(key);
    if (each == nullptr) break;
    key = each->parent;
  }
  return MergeDrivers({}, std::move(drivers));
}

void Influences::Age(uint64_t now_boot_ns) {
  if (targets_.empty()) return;
  std::erase_if(order_, [&](const model::ProcessKey& key) {
    Target& target = targets_[key];
    const Node* node = sessions_.Find(target.session);
    const bool closed = node == nullptr || node->session.closed_wall_ns != 0;
    std::erase_if(target.influences, [&](const Influence& influence) {
      return influence.kind == InfluenceKind::kMemory ? closed : !Acts(influence, now_boot_ns);
    });
    if (!target.influences.empty()) return false;
    targets_.erase(key);
    return true;
  });
}

}  // namespace hoptrail::agent::session
