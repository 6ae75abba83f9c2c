#include "collector/engine/incident/incident_budget.h"

#include <algorithm>

namespace hoptrail::collector::engine {
namespace {

// Bounds the paths that one tick evaluates again.
constexpr size_t kAtOnce = 100;

}  // namespace

bool IncidentBudget::Take(const model::MachineId& machine, int64_t now_boot_ns) {
  return room_.Take(machine, now_boot_ns);
}

void IncidentBudget::Wait(const model::SessionId& root) {
  if (waiting_.insert(root).second) order_.push_back(root);
  if (order_.size() <= kMaxWaiting) return;
  waiting_.erase(order_.front());
  order_.pop_front();
}

std::vector<model::SessionId> IncidentBudget::TakeWaiting(int64_t now_boot_ns) {
  room_.ForgetFull(now_boot_ns);
  const size_t count = std::min(kAtOnce, order_.size());
  std::vector<model::SessionId> first(order_.begin(),
                                      order_.begin() + static_cast<ptrdiff_t>(count));
  order_.erase(order_.begin(), order_.begin() + static_cast<ptrdiff_t>(count));
  for (const model::SessionId& root : first) waiting_.erase(root);
  return first;
}

}  // namespace hoptrail::collector::engine
