#ifndef HOPTRAIL_COLLECTOR_ENGINE_LOOP_TRANSACTION_H_
#define HOPTRAIL_COLLECTOR_ENGINE_LOOP_TRANSACTION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "collector/engine/values/outcome.h"
#include "collector/store/write_batch.h"
#include "core/model/ids.h"

namespace hoptrail::collector::engine {

// The transaction that the engine's thread prepares: rows that the store writes together, and
// actions that follow when they are durable.
struct Transaction {
  Outcome outcome;
  store::WriteBatch batch;
  absl::flat_hash_map<model::HostId, uint64_t> acknowledge;  // up to this sequence number
  std::vector<std::function<void()>> after_commit;
  size_t facts = 0;

  // Moves the rows of `outcome` to `batch`. The provenance, which is not stored, stays.
  void MoveOutcomeToBatch() {
    for (const ClockOffset& offset : outcome.clock_offsets) {
      batch.hosts[offset.host].clock_offset_ns = offset.offset_ns;
    }
    batch.sessions = std::move(outcome.sessions);
    batch.removed_hops = std::move(outcome.removed_hops);
    batch.hops = std::move(outcome.hops);
    batch.detections = std::move(outcome.detections);
    batch.incidents = std::move(outcome.incidents);
  }
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_LOOP_TRANSACTION_H_
