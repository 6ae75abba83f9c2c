#include "agent/supervisor/worker_process.h"

#include <utility>

namespace hoptrail::agent::supervisor {

using privilege::MessageKind;

absl::StatusOr<privilege::Message> WorkerProcess::Receive() {
  absl::StatusOr<privilege::Message> message = child_.channel().Receive(absl::ZeroDuration());
  if (!message.ok()) child_.CloseChannel();
  return message;
}

bool WorkerProcess::RequestReplacement(SteadyTime now) {
  if (!child_.channel().Send(MessageKind::kStop, 0).ok()) return false;
  kill_at_ = now + kStopWithin;
  return true;
}

void WorkerProcess::RequestStop(const StopSignal& signal, const std::string& trouble) {
  const StopNumbers numbers = ToNumbers(signal);
  (void)child_.channel().Send(MessageKind::kStop, numbers.number, numbers.serial, trouble);
}

void WorkerProcess::ReportInterference(const std::string& what) {
  if (connected() && child_.channel().Send(MessageKind::kInterference, 0, 0, what).ok()) return;
  interference_ = what;
}

void WorkerProcess::DeliverInterference() {
  if (interference_.empty()) return;
  (void)child_.channel().Send(MessageKind::kInterference, 0, 0, std::exchange(interference_, ""));
}

void WorkerProcess::CheckTime(SteadyTime now) {
  if (now < kill_at_) return;
  kill_at_ = SteadyTime::InfiniteFuture();
  child_.Kill();
}

void WorkerProcess::OnEnd() {
  child_.OnEnd();
  kill_at_ = SteadyTime::InfiniteFuture();
}

}  // namespace hoptrail::agent::supervisor
