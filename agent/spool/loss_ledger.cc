#include "agent/spool/loss_ledger.h"

namespace hoptrail::agent::spool {

void LossLedger::Add(const std::string& where, const std::string& type, uint64_t count,
                     int64_t wall_ns) {
  if (count == 0) return;
  total_.fetch_add(count, std::memory_order_relaxed);
  bool first = false;
  {
    MutexLock lock(&mutex_);
    first = entries_.empty();
    Entry& entry = entries_[{where, type}];
    if (entry.count == 0) entry.from_wall_ns = wall_ns;
    entry.count += count;
  }
  if (first && on_first_) on_first_();
}

bool LossLedger::empty() const {
  MutexLock lock(&mutex_);
  return entries_.empty();
}

std::vector<model::Loss> LossLedger::Take(int64_t wall_ns) {
  MutexLock lock(&mutex_);
  std::vector<model::Loss> losses;
  for (const auto& [key, entry] : entries_) {
    model::Loss loss;
    loss.host = host_;
    loss.where = std::get<0>(key);
    loss.type = std::get<1>(key);
    loss.count = entry.count;
    loss.from_wall_ns = entry.from_wall_ns;
    loss.until_wall_ns = wall_ns;
    losses.push_back(std::move(loss));
  }
  entries_.clear();
  return losses;
}

}  // namespace hoptrail::agent::spool
