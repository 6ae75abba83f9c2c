#ifndef HOPTRAIL_AGENT_SUPERVISOR_LAUNCHER_H_
#define HOPTRAIL_AGENT_SUPERVISOR_LAUNCHER_H_

#include <unistd.h>

#include <functional>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

#include "agent/config/settings.h"
#include "agent/health/health_file.h"
#include "agent/health/service_manager.h"
#include "agent/loader/handover.h"
#include "agent/loader/loader.h"
#include "agent/privilege/channel.h"
#include "agent/supervisor/child_process.h"
#include "agent/supervisor/configuration.h"
#include "agent/supervisor/worker_process.h"
#include "agent/worker/worker.h"
#include "core/base/unique_fd.h"
#include "core/model/ids.h"
#include <sys/types.h>

namespace hoptrail::agent::supervisor {

// The main functions of the supervisor's children; tests have their own.
struct ChildMains {
  std::function<int(const Settings&, privilege::Channel supervisor, pid_t parent)> loader =
      loader::RunLoader;
  std::function<int(const Settings&, WorkerArguments)> worker = RunWorker;
};

// Starts the loader and the workers, and owns the resources that the workers inherit: the lock of
// the state directory, the loader's handover, the health file. One thread.
class Launcher {
 public:
  // `settings` must outlive this.
  explicit Launcher(const Settings& settings, ChildMains mains = {})
      : settings_(settings), mains_(std::move(mains)) {}

  // Identifies the host, locks the state directory, and reports in the health file that the agent
  // is starting.
  absl::Status Prepare();

  // Starts the loader and waits until it has loaded its programs. `close_in_child` closes what the
  // caller owns and the loader must not inherit. Returns the loader's reason where it did not
  // start.
  absl::Status StartLoader(absl::FunctionRef<void()> close_in_child, ChildProcess* loader);

  // Starts a worker with the configuration in force. `last_end`: how the last worker failed; empty
  // where it did not.
  absl::Status StartWorker(const ChildProcess& loader, const Configuration& configuration,
                           const std::string& last_end, WorkerProcess* worker);

  // The host as which the next worker reports.
  const model::HostId& host() const { return host_; }
  void SetHost(const model::HostId& host) { host_ = host; }

  // Only while no worker runs: a worker writes the file itself.
  void WriteHealth(HealthState state, const std::string& why_not_ready) const;
  const ServiceManager& service_manager() const { return service_manager_; }

 private:
  [[noreturn]] void BecomeWorker(privilege::Channel supervisor, privilege::Channel loader,
                                 const Configuration& configuration, const std::string& last_end);

  const Settings& settings_;
  const ChildMains mains_;
  const pid_t pid_ = ::getpid();
  model::HostId host_;
  UniqueFd lock_;
  HealthFile health_file_;
  ServiceManager service_manager_ = ServiceManager::FromEnvironment();
  loader::Handover handover_;
  UniqueFd reported_losses_;  // each worker continues where the one before it ended
};

}  // namespace hoptrail::agent::supervisor

#endif  // HOPTRAIL_AGENT_SUPERVISOR_LAUNCHER_H_
