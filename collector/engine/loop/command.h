#ifndef HOPTRAIL_COLLECTOR_ENGINE_LOOP_COMMAND_H_
#define HOPTRAIL_COLLECTOR_ENGINE_LOOP_COMMAND_H_

// What the engine's thread is asked to do. Values in its queue.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "collector/bus/agent_sink.h"
#include "collector/engine/engine.h"
#include "collector/store/sqlite/retention.h"
#include "core/model/fact.h"

namespace hoptrail::collector::engine {

struct ConnectCommand {
  model::HostId host;
  std::string host_name;
  std::shared_ptr<bus::AgentSink> sink;
  uint64_t last_spooled_sequence = 0;  // what it has to tell; 0: nothing
  model::Incarnation incarnation;      // the last that it has confirmed, or meant to
  bool backlog = false;                // an earlier boot of the agent's machine
};

// The agent's answer to a greeting, or to a question: the last that it has made durable.
struct ConfirmCommand {
  model::HostId host;
  std::shared_ptr<bus::AgentSink> sink;
  model::Incarnation incarnation;
};

// Sequence numbers grow within it.
struct BatchCommand {
  model::HostId host;
  std::shared_ptr<bus::AgentSink> sink;
  std::vector<uint64_t> sequences;
  std::vector<model::Fact> facts;  // as many
};

// The agent's last word.
struct GoodbyeCommand {
  model::HostId host;
  std::shared_ptr<bus::AgentSink> sink;
  model::Goodbye goodbye;
};

struct DisconnectCommand {
  model::HostId host;
  std::shared_ptr<bus::AgentSink> sink;
};

// `done` is called by the engine's thread, once the answer is durable.
struct SetIncidentStateCommand {
  model::IncidentId incident;
  model::IncidentState state = model::IncidentState::kUnknown;
  std::string who;
  std::function<void(absl::StatusOr<model::Incident>)> done;
};

// Takes a machine, or with a boot one of its boots, off the list.
struct RemoveHostCommand {
  model::HostId host;
  std::string who;
  std::function<void(absl::Status)> done;
};

// Another configuration; nothing is answered.
struct ReconfigureCommand {
  v1::FleetRulesConfig rules;
  model::Severity minimum_severity = model::Severity::kMedium;
  int64_t engine_retention_ns = 0;
  store::RetentionLimits retention;
  bool notify = false;
  int64_t silent_after_ns = 0;
  int64_t heartbeat_timeout_ns = 0;
};

struct PathCommand {
  model::SessionId session;
  std::function<void(Path)> done;
};

using Command =
    std::variant<ConnectCommand, ConfirmCommand, BatchCommand, GoodbyeCommand, DisconnectCommand,
                 SetIncidentStateCommand, RemoveHostCommand, ReconfigureCommand, PathCommand>;

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_LOOP_COMMAND_H_
