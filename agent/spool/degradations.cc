#include "agent/spool/degradations.h"

#include <limits>

namespace hoptrail::agent::spool {
namespace {

constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

}  // namespace

void Degradations::Add(model::DegradationKind kind, const std::string& detail,
                       absl::Duration lasts) {
  bool began = false;
  {
    MutexLock lock(&mutex_);
    Expire();
    const auto [at, inserted] = entries_.try_emplace(kind);
    began = inserted;
    if (began) {
      at->second.since_wall_ns = clock_->WallNs();
      ++changes_;
    }
    at->second.detail = detail;
    at->second.until_boot_ns =
        lasts == absl::InfiniteDuration()
            ? kNever
            : clock_->BootNs() + static_cast<uint64_t>(absl::ToInt64Nanoseconds(lasts));
  }
  if (began && on_change_) on_change_();
}

void Degradations::Clear(model::DegradationKind kind) {
  bool ended = false;
  {
    MutexLock lock(&mutex_);
    ended = entries_.erase(kind) > 0;
    if (ended) ++changes_;
  }
  if (ended && on_change_) on_change_();
}

void Degradations::Expire() {
  changes_ += std::erase_if(entries_, [now_ns = clock_->BootNs()](const auto& entry) {
    return entry.second.until_boot_ns <= now_ns;
  });
}

std::vector<model::Degradation> Degradations::Current() {
  MutexLock lock(&mutex_);
  Expire();
  std::vector<model::Degradation> current;
  for (const auto& [kind, entry] : entries_) {
    current.push_back({kind, entry.detail, entry.since_wall_ns});
  }
  return current;
}

uint64_t Degradations::changes() {
  MutexLock lock(&mutex_);
  Expire();
  return changes_;
}

}  // namespace hoptrail::agent::spool
