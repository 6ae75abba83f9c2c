#ifndef HOPTRAIL_AGENT_SUPERVISOR_SUPERVISOR_H_
#define HOPTRAIL_AGENT_SUPERVISOR_SUPERVISOR_H_

#include "agent/config/settings.h"
#include "agent/supervisor/launcher.h"

namespace hoptrail::agent::supervisor {

inline constexpr int kExitFailure = 1;        // missing privilege or kernel feature, state in use
inline constexpr int kExitConfiguration = 2;  // command line or configuration file
inline constexpr int kExitLoaderGone = 3;     // nothing watches the host any more

// The agent's first process. It starts the loader, gives up every privilege, and starts the worker.
// It starts another worker whenever one ends, and continues a stopped process. On SIGHUP it has the
// configuration checked and replaces the worker by one that uses the new one. On SIGTERM or SIGINT
// it ends both. It communicates with its children only. It is a process of its own because seccomp
// filters are inherited: the loader, which must not use the network, cannot be the parent of the
// worker, which must. Returns the program's exit status.
int Supervise(const Settings& settings, ChildMains mains = {});

}  // namespace hoptrail::agent::supervisor

#endif  // HOPTRAIL_AGENT_SUPERVISOR_SUPERVISOR_H_
