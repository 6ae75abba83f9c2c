#ifndef HOPTRAIL_AGENT_WORKER_WORKER_H_
#define HOPTRAIL_AGENT_WORKER_WORKER_H_

#include <string>
#include <vector>

#include "agent/config/settings.h"
#include "agent/health/health_file.h"
#include "agent/health/service_manager.h"
#include "agent/kernel/reader.h"
#include "agent/privilege/channel.h"
#include "agent/privilege/landlock.h"
#include "core/base/unique_fd.h"
#include "core/model/fact.h"
#include "core/model/ids.h"
#include <sys/types.h>

namespace hoptrail::agent {

// The arguments of a new worker.
struct WorkerArguments {
  pid_t supervisor_pid = 0;
  privilege::Channel supervisor;
  privilege::Channel loader;
  kernel::Handles handles;
  UniqueFd lock;  // of the state directory: held while any of the agent's processes lives
  model::HostId host;
  std::vector<model::SourceCoverage> coverage;
  std::string last_end;  // how the previous worker ended; empty: there was none
  std::string weakened;  // keys of the configuration, see Configuration; empty: none
  HealthFile health_file;
  ServiceManager service_manager;
};

// Runs the process that does everything except loading, without any privilege. Returns its exit
// status.
int RunWorker(const Settings& settings, WorkerArguments arguments);

// The paths that a worker may use.
privilege::PathGrants WorkerPaths(const Settings& settings);

// The files that a worker reads to resolve names. Granted one by one, because their directory holds
// secrets as well: where one of them is replaced, a new worker must be started.
std::vector<std::string> ResolverFiles();

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_WORKER_WORKER_H_
