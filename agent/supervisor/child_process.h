#ifndef HOPTRAIL_AGENT_SUPERVISOR_CHILD_PROCESS_H_
#define HOPTRAIL_AGENT_SUPERVISOR_CHILD_PROCESS_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

#include "agent/privilege/channel.h"
#include <sys/types.h>

namespace hoptrail::agent::supervisor {

// A child process of the supervisor, and the supervisor's end of a channel to it. The destructor
// kills a child that still runs and waits for it. One thread, in a process without others.
class ChildProcess {
 public:
  ChildProcess() = default;
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Forks. In the child it calls `run` with the child's end of the channel; `run` must end the
  // process.
  absl::Status Start(absl::FunctionRef<void(privilege::Channel)> run);

  bool running() const { return pid_ != 0; }
  pid_t pid() const { return pid_; }  // 0: none runs

  // Invalid where the child has closed its end, or has ended.
  const privilege::Channel& channel() const { return channel_; }
  void CloseChannel() { channel_ = privilege::Channel(UniqueFd()); }

  // Sends SIGKILL if the child runs. The caller waits for its end.
  void Kill() const;
  // The caller has waited for the child's end.
  void OnEnd();

 private:
  pid_t pid_ = 0;
  privilege::Channel channel_{UniqueFd()};
};

}  // namespace hoptrail::agent::supervisor

#endif  // HOPTRAIL_AGENT_SUPERVISOR_CHILD_PROCESS_H_
