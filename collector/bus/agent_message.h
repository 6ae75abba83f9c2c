#ifndef HOPTRAIL_COLLECTOR_BUS_AGENT_MESSAGE_H_
#define HOPTRAIL_COLLECTOR_BUS_AGENT_MESSAGE_H_

// What agents' streams publish. Each message says for which host and over which stream it came; the
// sink is the way back to that stream, and the same object for all messages of one stream.

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "collector/bus/agent_sink.h"
#include "core/model/fact.h"

namespace hoptrail::collector::bus {

// A stream was opened and has passed authentication.
struct StreamOpened {
  model::HostId host;
  std::string host_name;
  std::shared_ptr<AgentSink> sink;
  uint64_t last_spooled_sequence = 0;  // how far its spool goes; 0: nothing is in it
  model::Incarnation incarnation;      // the last that it has confirmed, or meant to
  bool backlog = false;                // an earlier boot of the agent's machine
};

// The agent's answer to a greeting, or to a question: the last incarnation that it has made
// durable.
struct IncarnationConfirmed {
  model::HostId host;
  std::shared_ptr<AgentSink> sink;
  model::Incarnation incarnation;
};

// Facts with their sequence numbers, which grow within it.
struct FactBatch {
  model::HostId host;
  std::shared_ptr<AgentSink> sink;
  std::vector<uint64_t> sequences;
  std::vector<model::Fact> facts;  // as many
};

// The agent's last word.
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
