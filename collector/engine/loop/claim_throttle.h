#ifndef HOPTRAIL_COLLECTOR_ENGINE_LOOP_CLAIM_THROTTLE_H_
#define HOPTRAIL_COLLECTOR_ENGINE_LOOP_CLAIM_THROTTLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"

#include "collector/bus/agent_sink.h"
#include "collector/engine/engine.h"
#include "core/base/keyed_budget.h"
#include "core/base/token_bucket.h"
#include "core/model/fact.h"
#include "core/model/ids.h"

namespace hoptrail::collector::engine {

// Slows down machines that report more new sessions and detections than a machine has. Nothing is
// refused: the stream of such a machine is not read for a while, and its agent keeps its records
// meanwhile. A host that is not lying loses nothing, and one that is gains nothing by a flood.
// Owned by EngineLoop, used by the engine's thread.
class ClaimThrottle {
 public:
  // Many times what a busy host of containers or a bastion has. What is above it, such as a long
  // backlog, only arrives later.
  static constexpr TokenBucket::Limits kSessions{.burst = 50'000, .per_second = 200};
  static constexpr TokenBucket::Limits kDetections{.burst = 1'000, .per_second = 5};

  struct Verdict {
    int64_t wait_ns = 0;  // how long the stream waits; 0: it goes on
    ClaimKind kind = ClaimKind::kSessions;
    model::SessionId session;  // the one that was reported last; for a stream that waits
  };

  // To be called before the engine takes the facts, with those that it has not had yet.
  Verdict Charge(const Engine& engine, const model::MachineId& machine,
                 absl::Span<const model::Fact> facts, int64_t now_boot_ns);

  // The stream of `sink` waits until then. It is read on by ReadOn() or never, if it ends.
  void Hold(std::shared_ptr<bus::AgentSink> sink, int64_t until_boot_ns);
  void ReadOn(int64_t now_boot_ns);

  // To be called about once a second.
  void Age(int64_t now_boot_ns);

 private:
  struct Held {
    std::shared_ptr<bus::AgentSink> sink;
    int64_t until_boot_ns;
  };

  KeyedBudget<model::MachineId> sessions_{kSessions};
  KeyedBudget<model::MachineId> detections_{kDetections};
  std::vector<Held> held_;  // one a stream at most, since it sends nothing more
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_LOOP_CLAIM_THROTTLE_H_
