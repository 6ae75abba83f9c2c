#include "collector/engine/join/clock_offsets.h"

#include <algorithm>
#include <cstdlib>

namespace hoptrail::collector::engine {
namespace {

constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kSecond = 1'000'000'000;

}  // namespace

void ClockOffsets::AddSample(const model::HostId& a, const model::HostId& b, int64_t ahead_ns) {
  if (a == b) return;
  const bool swapped = b < a;
  const Pair pair = swapped ? Pair{b, a} : Pair{a, b};
  if (pairs_.size() >= kMaxPairs && !pairs_.contains(pair)) return;
  Samples& samples = pairs_[pair];
  samples.values[samples.count++ % kSamples] = swapped ? -ahead_ns : ahead_ns;

  const int64_t median = Median(samples);
  Get(pair.first);
  Host& second = Get(pair.second);
  Host& first = hosts_.at(pair.first);
  first.samples++;
  second.samples++;
  if (first.group != second.group) {
    // Moving the smaller group bounds the moves of a host to log2(hosts).
    const int64_t shift = first.offset_ns + median - second.offset_ns;
    if (groups_[second.group].size() <= groups_[first.group].size()) {
      MoveGroup(second.group, first.group, shift);
    } else {
      MoveGroup(first.group, second.group, -shift);
    }
    return;
  }
  // The host with fewer samples moves, but never the reference. It moves at once after a clock
  // step, and a little at a time for jitter and drift.
  const model::HostId& reference = groups_[first.group].front();
  const bool second_moves =
      pair.first == reference || (pair.second != reference && second.samples <= first.samples);
  const Host& mover = second_moves ? second : first;
  const int64_t target = second_moves ? first.offset_ns + median : second.offset_ns - median;
  const int64_t error = target - mover.offset_ns;
  const int64_t step = std::abs(error) > kSecond ? error : error / 4;
  if (std::abs(step) > kMillisecond) {
    Set(second_moves ? pair.second : pair.first, mover.offset_ns + step);
  }
}

std::optional<int64_t> ClockOffsets::Agreed(const model::HostId& a, const model::HostId& b) const {
  if (a == b) return 0;
  const bool swapped = b < a;
  auto it = pairs_.find(swapped ? Pair{b, a} : Pair{a, b});
  if (it == pairs_.end()) return std::nullopt;
  const int64_t median = Median(it->second);
  int agreeing = 0;
  for (size_t i = 0; i < std::min(it->second.count, kSamples); ++i) {
    if (std::abs(it->second.values[i] - median) <= 2 * kSecond) agreeing++;
  }
  if (agreeing < 3) return std::nullopt;
  return swapped ? -median : median;
}

std::optional<int64_t> ClockOffsets::Difference(const model::HostId& a,
                                                const model::HostId& b) const {
  if (a == b) return 0;
  auto x = hosts_.find(a);
  auto y = hosts_.find(b);
  if (x == hosts_.end() || y == hosts_.end() || x->second.group != y->second.group) {
    return std::nullopt;
  }
  return y->second.offset_ns - x->second.offset_ns;
}

std::optional<ClockOffsets::Offset> ClockOffsets::Of(const model::HostId& host) const {
  auto it = hosts_.find(host);
  if (it == hosts_.end()) return std::nullopt;
  return Offset{groups_[it->second.group].front(), it->second.offset_ns, it->second.samples};
}

std::vector<model::HostId> ClockOffsets::TakeChanged() {
  std::vector<model::HostId> changed(changed_.begin(), changed_.end());
  changed_.clear();
  return changed;
}

int64_t ClockOffsets::Median(const Samples& samples) {
  int64_t sorted[kSamples];
  const size_t n = std::min(samples.count, kSamples);
  std::copy(samples.values, samples.values + n, sorted);
  std::sort(sorted, sorted + n);
  return sorted[n / 2];
}

ClockOffsets::Host& ClockOffsets::Get(const model::HostId& id) {
  auto [it, inserted] = hosts_.try_emplace(id);
  if (inserted) {
    it->second.group = groups_.size();
    groups_.push_back({id});
    changed_.insert(id);
  }
  return it->second;
}

void ClockOffsets::MoveGroup(size_t from, size_t to, int64_t shift_ns) {
  for (const model::HostId& id : groups_[from]) {
    Host& host = hosts_.at(id);
    host.group = to;
    Set(id, host.offset_ns + shift_ns);
    groups_[to].push_back(id);
  }
  groups_[from].clear();
}

void ClockOffsets::Set(const model::HostId& id, int64_t offset_ns) {
  hosts_.at(id).offset_ns = offset_ns;
  changed_.insert(id);
}

}  // namespace hoptrail::collector::engine
