#ifndef HOPTRAIL_COLLECTOR_BUS_IN_PROCESS_BUS_H_
#define HOPTRAIL_COLLECTOR_BUS_IN_PROCESS_BUS_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "collector/bus/fact_bus.h"
#include "core/base/bounded_queue.h"

namespace hoptrail::collector::bus {

// A queue in memory, for a collector that is one process. Thread-safe.
class InProcessBus final : public FactBus {
 public:
  // At most one message of each stream waits here, so the capacity bounds the number of streams.
  explicit InProcessBus(size_t capacity = 100'000) : queue_(capacity) {}

  bool Publish(AgentMessage&& message) override { return queue_.TryPush(std::move(message)); }
  bool Take(absl::Duration wait, std::vector<AgentMessage>* out) override {
    return queue_.PopAll(wait, out);
  }
  void Acknowledge(const std::shared_ptr<AgentSink>& stream, uint64_t sequence) override {
    stream->Acknowledge(sequence);
  }
  void Wake() override { queue_.Wake(); }
  void Close() override { queue_.Close(); }

 private:
  BoundedQueue<AgentMessage> queue_;
};

}  // namespace hoptrail::collector::bus

#endif  // HOPTRAIL_COLLECTOR_BUS_IN_PROCESS_BUS_H_
