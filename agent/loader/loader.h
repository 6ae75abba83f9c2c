#ifndef HOPTRAIL_AGENT_LOADER_LOADER_H_
#define HOPTRAIL_AGENT_LOADER_LOADER_H_

#include "agent/config/settings.h"
#include "agent/privilege/channel.h"
#include <sys/types.h>

namespace hoptrail::agent {

// The privileged process: loads and attaches, then gives up what it no longer needs, tells the
// supervisor (kStarted, with descriptors of the rings, the loss counters and the coverage) and
// serves workers: opens iterators and the file of accounts for them, attaches to libraries that
// appear later, and makes heartbeats. It knows no network and looks at no event. Returns the exit
// status when the supervisor is gone.
int RunLoader(const Settings& settings, privilege::Channel supervisor, pid_t parent);

// The order of the descriptors of kStarted.
enum StartedFds : size_t {
  kHighRingFd = 0,
  kLowRingFd = 1,
  kLossesFd = 2,
  kCoverageFd = 3,
  kStartedFds = 4
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_LOADER_LOADER_H_
