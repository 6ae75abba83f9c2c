#ifndef HOPTRAIL_AGENT_STOP_SERVICE_COMMAND_H_
#define HOPTRAIL_AGENT_STOP_SERVICE_COMMAND_H_

#include <string>

#include "core/model/process.h"

namespace hoptrail::agent {

// Whether a program that starts may make a service manager stop the agent's service: `systemctl
// stop hoptrail-agent`, a message to systemd that names the unit, `docker stop …` where the agent
// runs in a container. The command may fail: use this only for programs that started shortly before
// the manager stopped the service. `unit` is the agent's own ("hoptrail-agent.service"), empty
// where it has none. Pure.
bool MayStopService(const model::Image& image, const std::string& unit);

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_STOP_SERVICE_COMMAND_H_
