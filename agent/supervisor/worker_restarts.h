#ifndef HOPTRAIL_AGENT_SUPERVISOR_WORKER_RESTARTS_H_
#define HOPTRAIL_AGENT_SUPERVISOR_WORKER_RESTARTS_H_

#include "absl/time/time.h"

#include "core/base/steady_time.h"

namespace hoptrail::agent {

// Whether and when another worker follows one that has ended: at once after one that made room for
// it, later each time after those that failed, and none after one that said that it cannot work
// before any worked. The supervisor's; one thread.
class WorkerRestarts {
 public:
  static constexpr absl::Duration kFirstBackOff = absl::Milliseconds(100);
  static constexpr absl::Duration kMostBackOff = absl::Seconds(30);
  // A worker that lived that long was no failure to start.
  static constexpr absl::Duration kSteadyAfter = absl::Minutes(1);

  enum class End {
    kHopeless,  // no other would fare better
    kMadeRoom,  // as it was asked to
    kFault,
  };

  void OnStart(SteadyTime now);
  // None could be started: not in haste again.
  void OnStartFailed(SteadyTime now) { due_ = now + kMostBackOff; }
  // A worker works. True for the first one that ever did.
  bool OnReady();
  // The worker was asked to make room for another, which is not in haste if the two might ask that
  // of each other without end.
  void OnReplace(bool in_haste);
  // `status` is that of wait(2).
  End OnEnd(int status, SteadyTime now);
  // None follows any more.
  void Stop() { due_ = SteadyTime::InfiniteFuture(); }

  bool replacing() const { return replacing_; }
  // When the next one is to be started.
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

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_SUPERVISOR_WORKER_RESTARTS_H_
