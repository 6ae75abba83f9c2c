#ifndef HOPTRAIL_COLLECTOR_BUS_FACT_BUS_H_
#define HOPTRAIL_COLLECTOR_BUS_FACT_BUS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/time/time.h"

#include "collector/bus/agent_message.h"

namespace hoptrail::collector::bus {

// Carries messages from the agents' streams, which publish, to the engine, the only subscriber. The
// engine takes the messages of one stream in their order; streams have no order among each other.
// An accepted message is taken at least once, unless the process ends before it is acknowledged. In
// that case the agent, whose spool keeps it until the acknowledgement, sends it again. Every
// implementation passes collector/bus/conformance/.
class FactBus {
 public:
  virtual ~FactBus() = default;

  // True: accepted. False: the bus is full or closed, `message` is unchanged, and its agent keeps
  // the facts. Never waits. Any thread.
  virtual bool Publish(AgentMessage&& message) = 0;

  // Moves all published messages to the end of `out`, after waiting up to `wait` for a first
  // message or for Wake. False: the bus is closed and empty. The subscriber's thread.
  virtual bool Take(absl::Duration wait, std::vector<AgentMessage>* out) = 0;
  // Everything of this stream up to `sequence` is durable. The bus does not deliver it again, and
  // passes the acknowledgement to the stream's sink. The subscriber's thread.
  virtual void Acknowledge(const std::shared_ptr<AgentSink>& stream, uint64_t sequence) = 0;

  // Ends the present Take, or the next one. Any thread.
  virtual void Wake() = 0;
  // Refuses further messages; Take still returns the accepted ones. Any thread.
  virtual void Close() = 0;
};

}  // namespace hoptrail::collector::bus

#endif  // HOPTRAIL_COLLECTOR_BUS_FACT_BUS_H_
