#ifndef HOPTRAIL_COLLECTOR_BUS_FACT_BUS_H_
#define HOPTRAIL_COLLECTOR_BUS_FACT_BUS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/time/time.h"

#include "collector/bus/agent_message.h"

namespace hoptrail::collector::bus {

// Between the agents' streams, which publish, and the engine, which is the one subscriber. What one
// stream publishes is taken in its order; streams are not ordered among each other. A message that
// was accepted is taken once at least, unless the process ends before it is acknowledged: then the
// agent, whose spool keeps it until the acknowledgement, sends it again. Every implementation
// passes collector/bus/conformance/.
class FactBus {
 public:
  virtual ~FactBus() = default;

  // True: accepted. False: full, or closed; `message` is untouched and its agent keeps the facts.
  // Never waits. Any thread.
  virtual bool Publish(AgentMessage&& message) = 0;

  // The subscriber's, from one thread. Moves what was published to the end of `out`, after waiting
  // up to `wait` for a first message or for Wake. False: closed, and nothing is left.
  virtual bool Take(absl::Duration wait, std::vector<AgentMessage>* out) = 0;
  // Everything of this stream up to `sequence` is durable: it is never taken again, and the
  // stream's sink gets the acknowledgement. The subscriber's thread.
  virtual void Acknowledge(const std::shared_ptr<AgentSink>& stream, uint64_t sequence) = 0;

  // Ends the present Take, or the next one. Any thread.
  virtual void Wake() = 0;
  // Refuses further messages; those that were accepted can still be taken. Any thread.
  virtual void Close() = 0;
};

}  // namespace hoptrail::collector::bus

#endif  // HOPTRAIL_COLLECTOR_BUS_FACT_BUS_H_
