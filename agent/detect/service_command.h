#ifndef HOPTRAIL_AGENT_DETECT_SERVICE_COMMAND_H_
#define HOPTRAIL_AGENT_DETECT_SERVICE_COMMAND_H_

#include <string>

#include "core/model/process.h"

namespace hoptrail::agent::detect {

// Whether a program that starts may make a service manager end the agent's service: `systemctl stop
// hoptrail-agent`, a message to systemd that names the unit, `docker stop …` where the agent runs
// in a container. It says what is asked for, not that it happens: ask only for programs that
// started shortly before the manager did end it. `unit` is the agent's own
// ("hoptrail-agent.service"), empty where it has none. Pure.
bool MayStopService(const model::Image& image, const std::string& unit);

// The unit of the cgroup that /proc/PID/cgroup tells of: its last component that is a service.
// Empty where there is none.
std::string UnitOfCgroup(const std::string& cgroup_file);

}  // namespace hoptrail::agent::detect

#endif  // HOPTRAIL_AGENT_DETECT_SERVICE_COMMAND_H_
