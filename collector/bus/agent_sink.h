#ifndef HOPTRAIL_COLLECTOR_BUS_AGENT_SINK_H_
#define HOPTRAIL_COLLECTOR_BUS_AGENT_SINK_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"

#include "core/model/fact.h"
#include "core/model/ids.h"
#include "core/model/incarnation.h"

namespace hoptrail::collector::bus {

// The way back to one connected agent. Called by the engine's thread, at any time until the last
// reference is gone; nothing blocks, and what is given to a stream that has ended is forgotten.
class AgentSink {
 public:
  virtual ~AgentSink() = default;

  // The answer to Hello; hoptrail.v1.Welcome.
  struct Greeting {
    uint64_t acknowledged = 0;
    model::Incarnation incarnation;
    std::optional<model::HostId> assumed_host;
  };
  virtual void OnAccepted(const Greeting& greeting) = 0;
  // Another agent wants to speak for the host: the answer is an IncarnationConfirmed.
  virtual void Ask(const model::Incarnation& incarnation) = 0;
  // The last message was taken from the bus: the next may be read.
  virtual void OnConsumed() = 0;
  // Everything up to `sequence` is durable. Called by the bus (FactBus::Acknowledge).
  virtual void Acknowledge(uint64_t sequence) = 0;
  virtual void SendProvenance(const model::Provenance& provenance) = 0;
  virtual void End(const absl::Status& status) = 0;

  // By the collector's boot clock: when something last came, or now while what came waits for the
  // engine.
  virtual int64_t HeardBootNs() const = 0;
  // The agent said that it ends, and not to be back at once.
  virtual bool SaidGoodbye() const = 0;
};

}  // namespace hoptrail::collector::bus

#endif  // HOPTRAIL_COLLECTOR_BUS_AGENT_SINK_H_
