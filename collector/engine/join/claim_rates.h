#ifndef HOPTRAIL_COLLECTOR_ENGINE_JOIN_CLAIM_RATES_H_
#define HOPTRAIL_COLLECTOR_ENGINE_JOIN_CLAIM_RATES_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_map.h"

#include "core/model/hop.h"

namespace hoptrail::collector::engine {

// How many ends a machine has recently reported, for each side and each address of the other host,
// that no hop key joins. A host that claims an end for every port of a connection is counted here.
// A count halves every minute. Not thread-safe.
class ClaimRates {
 public:
  // Of one machine and side. All further peers share one count, so that a flood over many peers is
  // counted, too, and costs no more memory.
  static constexpr size_t kMaxPeers = 64;

  // `now_ns` is the collector's boot time, and never smaller than before.
  void Add(const model::HopEnd& end, int64_t now_ns);
  // The end, which was added, is joined by its hop key after all.
  void Remove(const model::HopEnd& end);

  // The ends that count at the time of the last Add.
  double Recent(const model::HopEnd& end) const;

 private:
  struct Count {
    double ends = 0;  // at `at_ns`
    int64_t at_ns = 0;
  };
  using Peers = absl::flat_hash_map<model::IpAddress, Count>;
  struct Machine {
    Peers peers;
    Count others;
  };

  double Now(const Count& count) const;

  absl::flat_hash_map<std::pair<model::MachineId, model::HopSide>, Machine> machines_;
  int64_t now_ns_ = 0;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_JOIN_CLAIM_RATES_H_
