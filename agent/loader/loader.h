#ifndef HOPTRAIL_AGENT_LOADER_LOADER_H_
#define HOPTRAIL_AGENT_LOADER_LOADER_H_

#include "agent/config/settings.h"
#include "agent/privilege/channel.h"
#include <sys/types.h>

namespace hoptrail::agent::loader {

// The privileged process. It loads and attaches the programs, gives up the privileges that it no
// longer needs, and sends the results to the supervisor (handover.h). Then it serves workers: it
// opens iterators and files of the host for them, attaches uprobes to libraries that appear later,
// and makes heartbeats. It has no network and reads no event. Returns its exit status when the
// supervisor, whose pid is `parent`, has ended.
int RunLoader(const Settings& settings, privilege::Channel supervisor, pid_t parent);

}  // namespace hoptrail::agent::loader

#endif  // HOPTRAIL_AGENT_LOADER_LOADER_H_
