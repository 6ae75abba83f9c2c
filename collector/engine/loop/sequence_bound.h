#ifndef HOPTRAIL_COLLECTOR_ENGINE_LOOP_SEQUENCE_BOUND_H_
#define HOPTRAIL_COLLECTOR_ENGINE_LOOP_SEQUENCE_BOUND_H_

#include <algorithm>
#include <cstdint>

#include "core/wire/limits.h"

namespace hoptrail::collector::engine {

// The highest sequence number that the agent of one stream can have reached. Whoever holds a host's
// certificate could otherwise use up all numbers of the host with one record, and the host's agent
// would have none left (docs/decisions/0030). A value.
class SequenceBound {
 public:
  // Every honest number that begins at the boot time in microseconds (docs/decisions/0001) is below
  // this for the first nine years of a boot.
  static constexpr uint64_t kAlwaysAccepted = uint64_t{1} << 48;
  static constexpr uint64_t kPerStream = uint64_t{1} << 24;
  // More than the million records a second of which 0001 is certain.
  static constexpr uint64_t kPerSecond = uint64_t{1} << 20;

  SequenceBound() = default;
  // `applied`: the host's highest number so far. `last_message_boot_ns`: when the host was last
  // heard, by the collector's boot clock; it may be before the collector's boot.
  SequenceBound(uint64_t applied, int64_t last_message_boot_ns)
      : base_(std::max(applied, kAlwaysAccepted) + kPerStream),
        since_boot_ns_(last_message_boot_ns) {}
  // For a host that the store does not know: it may be an older store.
  static SequenceBound OfUnknownHost() { return SequenceBound(2 * kAlwaysAccepted, INT64_MAX); }

  uint64_t Highest(int64_t now_boot_ns) const {
    if (now_boot_ns <= since_boot_ns_) return std::min(base_, wire::kMaxCount);
    const uint64_t passed_ns =
        static_cast<uint64_t>(now_boot_ns) - static_cast<uint64_t>(since_boot_ns_);
    const uint64_t seconds = passed_ns / 1'000'000'000;
    // A longer silence gives no more numbers than a boot has.
    const uint64_t more = std::min(seconds, kAlwaysAccepted / kPerSecond) * kPerSecond;
    return std::min(base_ + more, wire::kMaxCount);
  }

 private:
  uint64_t base_ = kAlwaysAccepted + kPerStream;
  int64_t since_boot_ns_ = INT64_MAX;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_LOOP_SEQUENCE_BOUND_H_
