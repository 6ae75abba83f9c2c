#include "agent/supervisor/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "agent/privilege/confine.h"
#include "agent/supervisor/child_process.h"
#include "agent/supervisor/configuration.h"
#include "agent/supervisor/replaced_files.h"
#include "agent/supervisor/signals.h"
#include "agent/supervisor/worker_process.h"
#include "agent/supervisor/worker_restarts.h"
#include "agent/worker/worker.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/base/steady_time.h"
#include <sys/wait.h>

namespace hoptrail::agent::supervisor {
namespace {

using privilege::Message;
using privilege::MessageKind;

class Supervisor {
 public:
  Supervisor(const Settings& settings, ChildMains mains)
      : configuration_(settings), launcher_(settings, std::move(mains)) {}

  absl::Status Start();
  int Run();
  const Launcher& launcher() const { return launcher_; }

 private:
  absl::Status StartWorker();
  bool Step();
  void HandleWorkerMessage();
  void HandleTime(SteadyTime now);
  void Reap();
  void OnStopped(pid_t pid, int signal_number);
  void OnWorkerEnd(int status);
  void OnLoaderEnd(int status);
  void OnCheckerEnd(pid_t pid, int status);
  void OnAssume(const std::string& host);
  void ReplaceWorker(bool in_haste = true);
  void BeginStop(int exit_status, const std::string& trouble, const StopSignal& signal = {});
  absl::Duration UntilNext() const;

  Configuration configuration_;
  Launcher launcher_;
  Signals signals_;

  ChildProcess loader_;
  WorkerProcess worker_;
  WorkerRestarts restarts_;
  std::string last_end_;  // of the last worker that failed
  ReplacedFiles resolver_files_{ResolverFiles()};
  SteadyTime kill_at_ = SteadyTime::InfiniteFuture();  // while stopping
  bool stopping_ = false;
  std::optional<int> exit_status_;
};

absl::Status Supervisor::Start() {
  HT_RETURN_IF_ERROR(launcher_.Prepare());
  HT_ASSIGN_OR_RETURN(signals_, Signals::Block());
  const auto close_in_child = [this] { signals_ = Signals(); };
  HT_RETURN_IF_ERROR(launcher_.StartLoader(close_in_child, &loader_));
  privilege::MissingRestrictions missing;
  HT_RETURN_IF_ERROR(privilege::ConfineSupervisor(&missing));
  return StartWorker();
}

absl::Status Supervisor::StartWorker() {
  HT_RETURN_IF_ERROR(launcher_.StartWorker(loader_, configuration_, last_end_, &worker_));
  configuration_.OnWorkerStart();
  const SteadyTime now = SteadyTime::Now();
  restarts_.OnStart(now);
  resolver_files_.Remember(now);
  return absl::OkStatus();
}

absl::Duration Supervisor::UntilNext() const {
  const SteadyTime next = std::min(
      {restarts_.due(), kill_at_, resolver_files_.due(), worker_.due(), configuration_.due()});
  return std::clamp(next - SteadyTime::Now(), absl::ZeroDuration(), absl::Hours(1));
}

int Supervisor::Run() {
  while (!exit_status_.has_value() || worker_.running() || loader_.running()) {
    if (!Step()) return kExitFailure;
  }
  return *exit_status_;
}

bool Supervisor::Step() {
  pollfd wakes[2] = {{.fd = signals_.fd(), .events = POLLIN, .revents = 0},
                     {.fd = worker_.fd(), .events = POLLIN, .revents = 0}};
  const int64_t wait_ms = absl::ToInt64Milliseconds(UntilNext()) + 1;
  if (::poll(wakes, 2, static_cast<int>(wait_ms)) < 0 && errno != EINTR) {
    LogError("supervisor", absl::ErrnoToStatus(errno, "poll").message());
    return false;
  }
  if (wakes[1].revents != 0) HandleWorkerMessage();
  const Signals::Received received = signals_.Read();
  if (received.reload && !stopping_) configuration_.BeginReload();
  if (received.stop.has_value()) BeginStop(0, "", *received.stop);
  Reap();
  HandleTime(SteadyTime::Now());
  return true;
}

void Supervisor::HandleWorkerMessage() {
  const absl::StatusOr<Message> message = worker_.Receive();
  if (!message.ok()) return;
  if (message->kind == MessageKind::kReady) {
    if (restarts_.OnReady()) launcher_.service_manager().NotifyReady();
    configuration_.OnWorkerReady();
  }
  if (message->kind == MessageKind::kAssume) OnAssume(message->text);
}

void Supervisor::HandleTime(SteadyTime now) {
  if (resolver_files_.CheckTime(now) && !stopping_ && !restarts_.replacing() &&
      worker_.connected()) {
    LogInfo("supervisor",
            "files for resolving names were replaced: another worker is started to read them");
    ReplaceWorker();
  }
  configuration_.CheckTime(now);
  worker_.CheckTime(now);
  if (now >= kill_at_) {
    kill_at_ = SteadyTime::InfiniteFuture();
    worker_.Kill();
    loader_.Kill();
  }
  if (now >= restarts_.due() && !stopping_) {
    const absl::Status started = StartWorker();
    if (!started.ok()) {
      LogError("supervisor", "starting a worker: ", started.message());
      restarts_.OnStartFailed(now);
    }
  }
}

void Supervisor::Reap() {
  int status = 0;
  for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0;) {
    if (WIFSTOPPED(status)) {
      OnStopped(pid, WSTOPSIG(status));
    } else if (pid == worker_.pid()) {
      OnWorkerEnd(status);
    } else if (pid == loader_.pid()) {
      OnLoaderEnd(status);
    } else {
      OnCheckerEnd(pid, status);
    }
  }
}

void Supervisor::OnStopped(pid_t pid, int signal_number) {
  const char* which = pid == worker_.pid() ? "worker" : "loader";
  const std::string what =
      absl::StrCat("the ", which, " was stopped by signal ", signal_number, " and continued");
  ::kill(pid, SIGCONT);
  LogWarning("supervisor", what);
  worker_.ReportInterference(what);
}

void Supervisor::OnWorkerEnd(int status) {
  worker_.OnEnd();
  const SteadyTime now = SteadyTime::Now();
  const WorkerRestarts::End end = restarts_.OnEnd(status, now);
  if (stopping_ || end == WorkerRestarts::End::kHopeless) {
    // A hopeless worker has logged why.
    if (!stopping_) exit_status_ = WEXITSTATUS(status);
    stopping_ = true;
    loader_.CloseChannel();
    kill_at_ = now + WorkerProcess::kStopWithin;
    restarts_.Stop();
    return;
  }
  if (end == WorkerRestarts::End::kMadeRoom) {
    last_end_.clear();
    return;
  }
  configuration_.OnWorkerFault();
  last_end_ = privilege::DescribeEnd(status);
  launcher_.WriteHealth(HealthState::kLive, absl::StrCat("the worker ", last_end_));
  LogError("supervisor", "the worker ", last_end_, "; another starts in ",
           absl::FormatDuration(restarts_.due() - now));
}

void Supervisor::OnLoaderEnd(int status) {
  loader_.OnEnd();
  if (stopping_) return;
  const std::string what =
      absl::StrCat("the loader ", privilege::DescribeEnd(status),
                   ": its programs are gone from the kernel, nothing watches this host any more");
  LogError("supervisor", what);
  BeginStop(kExitLoaderGone, what);
}

// The child that checks a configuration has ended.
void Supervisor::OnCheckerEnd(pid_t pid, int status) {
  const std::optional<LogLevel> level = configuration_.OnChildEnd(pid, status);
  if (!level.has_value() || stopping_) return;
  SetLogLevel(*level);
  (void)loader_.channel().Send(MessageKind::kLogLevel, static_cast<uint32_t>(*level));
  // If no worker runs at present, the next one uses the new configuration.
  if (worker_.connected() && !restarts_.replacing()) ReplaceWorker();
}

// Another agent reports as this host. A worker can only request another boot of this machine.
void Supervisor::OnAssume(const std::string& host) {
  const absl::StatusOr<model::HostId> assumed = model::ParseHostId(host);
  if (!assumed.ok() || assumed->machine != launcher_.host().machine || stopping_ ||
      restarts_.replacing()) {
    return;
  }
  LogWarning("supervisor", "another worker is started, which reports as ", host);
  launcher_.SetHost(*assumed);
  ReplaceWorker(/*in_haste=*/false);
}

void Supervisor::ReplaceWorker(bool in_haste) {
  if (worker_.RequestReplacement(SteadyTime::Now())) restarts_.OnReplace(in_haste);
}

void Supervisor::BeginStop(int exit_status, const std::string& trouble, const StopSignal& signal) {
  if (stopping_) return;
  stopping_ = true;
  launcher_.service_manager().NotifyStopping();
  exit_status_ = exit_status;
  kill_at_ = SteadyTime::Now() + WorkerProcess::kStopWithin;
  restarts_.Stop();
  if (!worker_.running()) {
    loader_.CloseChannel();
  } else if (worker_.connected()) {
    worker_.RequestStop(signal, trouble);
  }
}

}  // namespace

int Supervise(const Settings& settings, ChildMains mains) {
  Supervisor supervisor(settings, std::move(mains));
  const absl::Status started = supervisor.Start();
  if (!started.ok()) {
    WriteError("hoptrail-agent", started.message());
    supervisor.launcher().WriteHealth(HealthState::kDown,
                                      absl::StrCat("it did not start: ", started.message()));
    return kExitFailure;
  }
  const int exit_status = supervisor.Run();
  supervisor.launcher().WriteHealth(HealthState::kDown, "it has ended");
  return exit_status;
}

}  // namespace hoptrail::agent::supervisor
