#ifndef HOPTRAIL_AGENT_SUPERVISOR_WORKER_PROCESS_H_
#define HOPTRAIL_AGENT_SUPERVISOR_WORKER_PROCESS_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "agent/privilege/channel.h"
#include "agent/stop/stop_request.h"
#include "agent/supervisor/child_process.h"
#include "core/base/steady_time.h"

namespace hoptrail::agent::supervisor {

// The present worker, and the messages to it. A worker that is asked to end and does not is killed.
// One thread.
class WorkerProcess {
 public:
  // The time that a worker has to end after it was asked to.
  static constexpr absl::Duration kStopWithin = absl::Seconds(10);

  // See ChildProcess::Start().
  absl::Status Start(absl::FunctionRef<void(privilege::Channel)> run) { return child_.Start(run); }

  pid_t pid() const { return child_.pid(); }
  bool running() const { return child_.running(); }
  // Whether it can receive messages.
  bool connected() const { return child_.channel().valid(); }
  // Readable when a message has come; -1 where it is not connected.
  int fd() const { return child_.channel().fd(); }
  // The message that has come. After an error the worker is not connected any more; its end comes
  // as SIGCHLD.
  absl::StatusOr<privilege::Message> Receive();

  // Asks it to end, so that another worker can replace it. False where it is about to end anyway.
  bool RequestReplacement(SteadyTime now);
  // Asks it to end because the agent does. `trouble`: the fault that is the reason; empty: `signal`
  // is.
  void RequestStop(const StopSignal& signal, const std::string& trouble);
  // Passes on that others interfered with the agent. Without a worker that is connected, the next
  // one gets the last such text, with DeliverInterference().
  void ReportInterference(const std::string& what);
  void DeliverInterference();

  // When CheckTime() is due.
  SteadyTime due() const { return kill_at_; }
  void CheckTime(SteadyTime now);
  void Kill() const { child_.Kill(); }
  // The caller has waited for its end.
  void OnEnd();

 private:
  ChildProcess child_;
  std::string interference_;  // not sent to any worker yet
  SteadyTime kill_at_ = SteadyTime::InfiniteFuture();
};

}  // namespace hoptrail::agent::supervisor

#endif  // HOPTRAIL_AGENT_SUPERVISOR_WORKER_PROCESS_H_
