#ifndef HOPTRAIL_AGENT_SUPERVISOR_CONFIGURATION_H_
#define HOPTRAIL_AGENT_SUPERVISOR_CONFIGURATION_H_

#include <optional>
#include <string>

#include "agent/config/settings.h"
#include "core/base/log.h"
#include "core/base/steady_time.h"
#include <sys/types.h>

namespace hoptrail::agent {

// Which configuration is in force, and how it becomes another while the agent runs. For the
// supervisor, which reads the file and never interprets it: a child of its own checks it, and each
// worker reads the text in force for itself. A text with which no worker gets ready is given up
// again. One thread, in a process without others.
class Configuration {
 public:
  // `started`: what the agent was started with; it outlives this.
  explicit Configuration(const Settings& started) : started_(started) {}
  ~Configuration();
  Configuration(const Configuration&) = delete;
  Configuration& operator=(const Configuration&) = delete;

  // Reads the file and starts the child that checks it; once more after that where one is at it.
  void BeginReload();
  // A child has ended. What is to be logged from now on where it was that one and the text is good:
  // then it is in force, and the worker is to be replaced.
  std::optional<LogLevel> OnChildEnd(pid_t pid, int status);
  // When CheckTime() is due: a check that hangs is given up.
  SteadyTime due() const { return check_by_; }
  void CheckTime(SteadyTime now);

  // In the worker: what it goes by, and the keys by which it sees or reports less than the one
  // before it did, "rules.pivot, kernel.watch"; empty where there are none.
  Settings ForWorker() const;
  std::string WeakenedForWorker() const;
  // In the supervisor: a worker has started, has got ready, has ended.
  void OnWorkerStart() { worker_on_trial_ = on_trial_; }
  void OnWorkerReady();
  void OnWorkerFault();

 private:
  int Check(const std::string& text) const;
  Settings SettingsOf(const std::string& text) const;

  const Settings& started_;
  std::string text_, before_;  // empty: as the agent was started
  std::string checked_;        // by the child
  pid_t checker_pid_ = 0;
  SteadyTime check_by_ = SteadyTime::InfiniteFuture();
  bool again_ = false;            // asked for while one was being checked
  bool on_trial_ = false;         // no worker has been ready with it yet
  bool worker_on_trial_ = false;  // the present one is the first with it
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_SUPERVISOR_CONFIGURATION_H_
