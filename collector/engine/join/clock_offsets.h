#ifndef HOPTRAIL_COLLECTOR_ENGINE_JOIN_CLOCK_OFFSETS_H_
#define HOPTRAIL_COLLECTOR_ENGINE_JOIN_CLOCK_OFFSETS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"

#include "core/model/ids.h"

namespace hoptrail::collector::engine {

// How far the clocks of hosts are apart, learned from joined hops. Each pair of hosts keeps its
// last few samples. Hops connect hosts to groups; each host has one offset to the reference host of
// its group. Not thread-safe.
class ClockOffsets {
 public:
  struct Offset {
    model::HostId reference;
    int64_t offset_ns = 0;  // this host's clock minus the reference's
    uint32_t samples = 0;
  };

  // By one hop b's clock is ahead of a's by `ahead_ns`.
  void AddSample(const model::HostId& a, const model::HostId& b, int64_t ahead_ns);

  // b's clock minus a's, if at least three samples of this pair agree within two seconds.
  std::optional<int64_t> Agreed(const model::HostId& a, const model::HostId& b) const;
  // The best estimate of b's clock minus a's; nothing if no hops connect them.
  std::optional<int64_t> Difference(const model::HostId& a, const model::HostId& b) const;
  // Nothing if no hop of this host was ever joined.
  std::optional<Offset> Of(const model::HostId& host) const;
  // Hosts whose offset has moved by more than a millisecond since the last call, by id.
  std::vector<model::HostId> TakeChanged();

  static constexpr size_t kSamples = 9;         // kept for a pair
  static constexpr size_t kMaxPairs = 1 << 20;  // further pairs are ignored

 private:
  using Pair = std::pair<model::HostId, model::HostId>;  // first < second
  struct Samples {
    int64_t values[kSamples] = {};  // second's clock minus first's
    size_t count = 0;               // of all samples; `values` has the last kSamples
  };
  struct Host {
    size_t group = 0;
    int64_t offset_ns = 0;
    uint32_t samples = 0;
  };

  static int64_t Median(const Samples& samples);
  Host& Get(const model::HostId& id);
  void MoveGroup(size_t from, size_t to, int64_t shift_ns);
  void Set(const model::HostId& id, int64_t offset_ns);

  absl::flat_hash_map<Pair, Samples> pairs_;
  absl::flat_hash_map<model::HostId, Host> hosts_;
  std::vector<std::vector<model::HostId>> groups_;  // the first host is the reference
  absl::btree_set<model::HostId> changed_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_JOIN_CLOCK_OFFSETS_H_
