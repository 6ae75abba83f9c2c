#ifndef HOPTRAIL_AGENT_SUPERVISOR_CONFIGURATION_H_
#define HOPTRAIL_AGENT_SUPERVISOR_CONFIGURATION_H_

#include <optional>
#include <string>

#include "agent/config/settings.h"
#include "core/base/log.h"
#include "core/base/steady_time.h"
#include <sys/types.h>

namespace hoptrail::agent::supervisor {

// The configuration in force, and its change while the agent runs. The supervisor reads the file
// but never parses it: a child process checks it, and each worker parses the text in force itself.
// If no worker becomes ready with a new text, the one before is in force again. One thread, in a
// process without others.
class Configuration {
 public:
  // `started`: the settings with which the agent was started; they must outlive this.
  explicit Configuration(const Settings& started) : started_(started) {}
  ~Configuration();
  Configuration(const Configuration&) = delete;
  Configuration& operator=(const Configuration&) = delete;

  // Reads the file and starts a child that checks it. While a check runs, it is repeated
  // afterwards.
  void BeginReload();
  // A child has ended. If it is the one that checks and the text is good, the text is in force now.
  // Then it returns the text's log level, and the caller replaces the worker.
  std::optional<LogLevel> OnChildEnd(pid_t pid, int status);
  // When CheckTime() is due, which ends a check that hangs.
  SteadyTime due() const { return check_by_; }
  void CheckTime(SteadyTime now);

  // Called in the worker: its settings, and the keys by which it sees or reports less than the
  // worker before, "rules.pivot, kernel.watch"; empty where there are none.
  Settings ForWorker() const;
  std::string WeakenedForWorker() const;
  // Called in the supervisor: a worker has started, has become ready, has failed.
  void OnWorkerStart() { worker_on_trial_ = on_trial_; }
  void OnWorkerReady();
  void OnWorkerFault();

 private:
  int Check(const std::string& text) const;
  Settings SettingsOf(const std::string& text) const;

  const Settings& started_;
  std::string text_, before_;  // empty: as the agent was started
  std::string checked_;        // the text that the child checks
  pid_t checker_pid_ = 0;
  SteadyTime check_by_ = SteadyTime::InfiniteFuture();
  bool again_ = false;            // another reload was requested during the check
  bool on_trial_ = false;         // no worker has become ready with the text yet
  bool worker_on_trial_ = false;  // the present worker is the first one with it
};

}  // namespace hoptrail::agent::supervisor

#endif  // HOPTRAIL_AGENT_SUPERVISOR_CONFIGURATION_H_
