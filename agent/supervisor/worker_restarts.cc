#include "agent/supervisor/worker_restarts.h"

#include <algorithm>
#include <utility>

#include <sys/wait.h>

namespace hoptrail::agent::supervisor {

void WorkerRestarts::OnStart(SteadyTime now) {
  since_ = now;
  due_ = SteadyTime::InfiniteFuture();
}

bool WorkerRestarts::OnReady() { return !std::exchange(ever_ready_, true); }

void WorkerRestarts::OnReplace(bool in_haste) {
  replacing_ = true;
  in_haste_ = in_haste;
}

WorkerRestarts::End WorkerRestarts::OnEnd(int status, SteadyTime now) {
  const bool replacing = std::exchange(replacing_, false);
  if (!ever_ready_ && WIFEXITED(status)) return End::kHopeless;
  if (now - since_ >= kSteadyAfter) back_off_ = kFirstBackOff;
  if (replacing && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    due_ = SteadyTime::InfinitePast();
    if (!in_haste_) BackOff(now);
    return End::kMadeRoom;
  }
  BackOff(now);
  return End::kFault;
}

void WorkerRestarts::BackOff(SteadyTime now) {
  due_ = now + back_off_;
  back_off_ = std::min(2 * back_off_, kMostBackOff);
}

}  // namespace hoptrail::agent::supervisor
