#ifndef HOPTRAIL_COLLECTOR_BUS_AGENT_MESSAGE_H_
#define HOPTRAIL_COLLECTOR_BUS_AGENT_MESSAGE_H_

// The messages that agents' streams publish. Each names the host it is about. `sink` is the way
// back to the stream it came from, and is the same object in all messages of one stream.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "collector/bus/agent_sink.h"
#include "core/model/agent_run.h"
#include "core/model/fact.h"

namespace hoptrail::collector::bus {

// A stream was opened and has passed authentication.
struct StreamOpened {
  model::HostId host;
  std::string host_name;
  std::shared_ptr<AgentSink> sink;
  uint64_t last_spooled_sequence = 0;       // the last record in its spool; 0: the spool is empty
  model::Incarnation incarnation;           // the last one that it made durable
  bool backlog = false;                     // its records are of an earlier boot of the machine
  std::optional<model::IpAddress> address;  // that the stream comes from; none: a UNIX socket
  uint64_t first_spooled_sequence = 0;      // the first record in its spool; 0: the spool is empty
  model::AgentRun run;
};

// The agent's answer to OnAccepted or Ask: the last incarnation that it made durable.
struct IncarnationConfirmed {
  model::HostId host;
  std::shared_ptr<AgentSink> sink;
  model::Incarnation incarnation;
};

// Facts and their sequence numbers, which grow within the batch.
struct FactBatch {
  model::HostId host;
  std::shared_ptr<AgentSink> sink;
  std::vector<uint64_t> sequences;
  std::vector<model::Fact> facts;  // one for each sequence number
};

// The agent announces that it ends.
struct AgentStopping {
  model::HostId host;
  std::shared_ptr<AgentSink> sink;
  model::Goodbye goodbye;
};

struct StreamClosed {
  model::HostId host;
  std::shared_ptr<AgentSink> sink;
};

using AgentMessage =
    std::variant<StreamOpened, IncarnationConfirmed, FactBatch, AgentStopping, StreamClosed>;

}  // namespace hoptrail::collector::bus

#endif  // HOPTRAIL_COLLECTOR_BUS_AGENT_MESSAGE_H_
