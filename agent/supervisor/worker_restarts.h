#ifndef HOPTRAIL_AGENT_SUPERVISOR_WORKER_RESTARTS_H_
#define HOPTRAIL_AGENT_SUPERVISOR_WORKER_RESTARTS_H_

#include "absl/time/time.h"

#include "core/base/steady_time.h"

namespace hoptrail::agent::supervisor {

// Decides whether and when another worker is started after one has ended: at once after one that
// was asked to make room, after a longer delay with each failure, and not at all after one that
// exited before any worker was ready. It reads no clock. One thread.
class WorkerRestarts {
 public:
  static constexpr absl::Duration kFirstBackOff = absl::Milliseconds(100);
  static constexpr absl::Duration kMostBackOff = absl::Seconds(30);
  // A worker that ran for this long does not count as a failed start.
  static constexpr absl::Duration kSteadyAfter = absl::Minutes(1);

  enum class End {
    kHopeless,  // another worker would fail as well
    kMadeRoom,  // it was asked to
    kFault,
  };

  void OnStart(SteadyTime now);
  // No worker could be started: the next attempt waits for the longest delay.
  void OnStartFailed(SteadyTime now) { due_ = now + kMostBackOff; }
  // A worker is ready. True for the first one that ever was.
  bool OnReady();
  // The worker was asked to make room for another. Without haste the next one starts with the delay
  // of a failure, for workers that might replace each other without end.
  void OnReplace(bool in_haste);
  // A worker has ended. `status`: of wait(2).
  End OnEnd(int status, SteadyTime now);
  // No further worker is started.
  void Stop() { due_ = SteadyTime::InfiniteFuture(); }

  bool replacing() const { return replacing_; }
  // When the next worker is to be started.
  SteadyTime due() const { return due_; }

 private:
  void BackOff(SteadyTime now);

  bool ever_ready_ = false;
  bool replacing_ = false;
  bool in_haste_ = true;
  SteadyTime since_;
  absl::Duration back_off_ = kFirstBackOff;
  SteadyTime due_ = SteadyTime::InfiniteFuture();
};

}  // namespace hoptrail::agent::supervisor

#endif  // HOPTRAIL_AGENT_SUPERVISOR_WORKER_RESTARTS_H_
