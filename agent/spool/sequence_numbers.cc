#include "agent/spool/sequence_numbers.h"

#include <algorithm>

namespace hoptrail::agent::spool {
namespace {

// Numbers that are marked as used ahead of their use, where they are not below the boot time.
constexpr uint64_t kMarkAhead = 100'000;

}  // namespace

SequenceNumbers::LastRun SequenceNumbers::Start(uint64_t last_on_disk,
                                                const SpoolReporter& reporter) {
  next_ = std::max<uint64_t>(last_on_disk + 1, clock_->BootNs() / 1000);
  const Marks before = marks_->Get();
  const bool known = before.host == host_;
  if (known) {
    next_ = std::max(next_, before.used_sequence + 1);
    reporter.AddLoss("spool", "record", before.given_up);
    inherited_ = before.in_memory;
    if (inherited_.size() == Marks::kMaxRanges) {
      const Marks::Range& oldest = inherited_.front();
      reporter.AddLoss("memory", "record", oldest.last - oldest.first + 1);
      inherited_.erase(inherited_.begin());
    }
  }
  run_first_ = next_;
  return {.known = known, .state_behind = known && before.state_behind};
}

uint64_t SequenceNumbers::TakeLost(
    uint64_t acknowledged, absl::FunctionRef<uint64_t(uint64_t after, uint64_t last)> on_disk) {
  uint64_t lost = 0;
  for (const Marks::Range& range : std::exchange(inherited_, {})) {
    const uint64_t after = std::max(acknowledged, range.first - 1);
    if (range.last <= after) continue;
    lost += range.last - after;
    lost -= std::min(lost, on_disk(after, range.last));
  }
  return lost;
}

bool SequenceNumbers::IsBelowBootTime(uint64_t sequence) const {
  return sequence <= clock_->BootNs() / 1000;
}

absl::Status SequenceNumbers::Mark(uint64_t last, bool state_behind) {
  return marks_->Update([&](Marks& marks) {
    Marks now;
    if (marks.host == host_) now = marks;  // the uplink writes to it, too
    now.host = host_;
    now.given_up = 0;  // Start() has reported it
    if (!IsBelowBootTime(last) && last > now.used_sequence) now.used_sequence = last + kMarkAhead;
    now.in_memory = inherited_;
    if (memory_first_ != 0) now.in_memory.push_back({memory_first_, last});
    now.state_behind = state_behind;
    marks = now;
  });
}

absl::Status SequenceNumbers::MarkAssumed(const model::HostId& assumed, uint64_t given_up) {
  return marks_->Update([&](Marks& marks) {
    const bool again = marks.host == host_ && !marks.kernel_boot.empty();
    Marks next;
    next.host = assumed;
    next.kernel_boot = again ? marks.kernel_boot : host_.boot;
    next.given_up = given_up;
    marks = next;
  });
}

}  // namespace hoptrail::agent::spool
