#ifndef HOPTRAIL_AGENT_APP_SUPERVISOR_H_
#define HOPTRAIL_AGENT_APP_SUPERVISOR_H_

#include "agent/app/settings.h"

namespace hoptrail::agent::app {

inline constexpr int kExitFailure = 1;        // missing privilege or kernel feature, state in use
inline constexpr int kExitConfiguration = 2;  // command line or configuration file
inline constexpr int kExitLoaderGone = 3;     // nothing watches the host any more

// Starts the loader, then gives up every privilege, starts the worker, starts it again whenever it
// ends, continues what was stopped, on SIGHUP has the configuration checked and replaces the worker
// by one that goes by it, and on SIGTERM or SIGINT ends both. It speaks to nobody else. A process
// of its own because seccomp filters are inherited: the loader, which must not reach the network,
// cannot be the parent of the worker, which must. Returns the program's exit status.
int Supervise(const Settings& settings);

}  // namespace hoptrail::agent::app

#endif  // HOPTRAIL_AGENT_APP_SUPERVISOR_H_
