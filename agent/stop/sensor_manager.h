#ifndef HOPTRAIL_AGENT_STOP_SENSOR_MANAGER_H_
#define HOPTRAIL_AGENT_STOP_SENSOR_MANAGER_H_

#include <string>

#include "agent/session/enriched_event.h"

namespace hoptrail::agent {

// An action on one of the sensor's processes.
struct SensorSignal {
  model::ProcessKey sender;
  const process::Process* process = nullptr;  // the sender, where known
  bool by_login = false;                      // the sender's session is a login
  const process::Process* target = nullptr;   // the sensor's, where known
};

// Whether the sender manages the agent and may stop it: process 1; a container runtime, whose
// helper sends the signal from the session in which the container was started; a program in the
// service's own unit, such as ExecReload. A login is never a manager, even if it started the agent.
// `unit`: the agent's own service, empty where it has none.
bool IsSensorManager(const SensorSignal& signal, const session::Lineage& lineage,
                     const std::string& unit);

// The same for an event of kind kTampering.
bool IsSensorManager(const session::EnrichedEvent& event, const std::string& unit);

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_STOP_SENSOR_MANAGER_H_
