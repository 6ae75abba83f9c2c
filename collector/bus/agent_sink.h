#ifndef HOPTRAIL_COLLECTOR_BUS_AGENT_SINK_H_
#define HOPTRAIL_COLLECTOR_BUS_AGENT_SINK_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"

#include "core/model/fact.h"
#include "core/model/ids.h"
#include "core/model/incarnation.h"

namespace hoptrail::collector::bus {

// The way back to one connected agent. The engine's thread calls it, at any time until the last
// reference is gone. No call blocks. A stream that has ended ignores all calls.
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
  // Another agent wants to speak for the host. The agent of this stream answers with an
  // IncarnationConfirmed.
  virtual void Ask(const model::Incarnation& incarnation) = 0;
  // The engine took the last message from the bus: the stream may read the next one.
  virtual void OnConsumed() = 0;
  // Everything up to `sequence` is durable. The bus calls it (FactBus::Acknowledge).
  virtual void Acknowledge(uint64_t sequence) = 0;
  // hoptrail.v1.EndRequest. Dropped where too many wait.
  virtual void SendEndRequest(const model::HopKey& key) = 0;
  virtual void SendProvenance(const model::Provenance& provenance) = 0;
  virtual void End(const absl::Status& status) = 0;

  // When the last message arrived, by the collector's boot clock; the present time while a message
  // waits for the engine.
  virtual int64_t LastMessageBootNs() const = 0;
  // The agent announced that it ends, and that no other replaces it at once.
  virtual bool SaidGoodbye() const = 0;
};

}  // namespace hoptrail::collector::bus

#endif  // HOPTRAIL_COLLECTOR_BUS_AGENT_SINK_H_
