#include "agent/kernel/processes/process_walk.h"

#include <algorithm>
#include <optional>

namespace hoptrail::agent::kernel {
namespace {

constexpr size_t kLeastTurn = 16;
// How many pids before the first round count as young.
constexpr uint32_t kFirstYoung = 256;

void Append(const std::vector<uint32_t>& more, std::vector<uint32_t>* pids) {
  pids->insert(pids->end(), more.begin(), more.end());
}

}  // namespace

std::vector<uint32_t> ProcessWalk::Next() {
  const std::optional<uint32_t> newest = list_.Newest();
  std::vector<uint32_t> pids;
  if (!newest.has_value() || newest_.empty()) {
    pids = list_.Between(1, UINT32_MAX);
    newest_.clear();
    if (newest.has_value()) newest_ = {*newest > kFirstYoung ? *newest - kFirstYoung : 1, *newest};
    return pids;
  }
  newest_.push_back(*newest);
  if (newest_.size() > kYoungRounds + 1) newest_.pop_front();
  AddYoung(&pids);
  AddTurn(&pids);
  return pids;
}

void ProcessWalk::AddYoung(std::vector<uint32_t>* pids) {
  // After a wrap-around many new pids would look like few, so the search stops at half the pid
  // space.
  uint64_t given = 0;
  size_t from = newest_.size() - 1;
  for (; from > 0; --from) {
    const uint32_t before = newest_[from - 1], after = newest_[from];
    given += after >= before ? after - before : uint64_t{after} + pid_space_ - before;
    if (given > pid_space_ / 2 && from + 1 < newest_.size()) break;
  }
  const uint32_t before = newest_[from], after = newest_.back();
  if (before <= after) {
    if (before < after) Append(list_.Between(before + 1, after), pids);
  } else {
    Append(list_.Between(before + 1, UINT32_MAX), pids);
    Append(list_.Between(1, after), pids);
  }
}

void ProcessWalk::AddTurn(std::vector<uint32_t>* pids) {
  const size_t most = std::max(kLeastTurn, list_.Count() / kTurnRounds + 1);
  const std::vector<uint32_t> turn = list_.Between(turn_ + 1, UINT32_MAX, most);
  turn_ = turn.size() < most ? 0 : turn.back();
  Append(turn, pids);
}

}  // namespace hoptrail::agent::kernel
