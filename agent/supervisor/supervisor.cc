#include "agent/supervisor/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "agent/health/health_file.h"
#include "agent/health/service_manager.h"
#include "agent/host/host_facts.h"
#include "agent/loader/handover.h"
#include "agent/loader/loader.h"
#include "agent/privilege/process.h"
#include "agent/spool/marks.h"
#include "agent/stop/stop_request.h"
#include "agent/supervisor/configuration.h"
#include "agent/supervisor/state_directory.h"
#include "agent/supervisor/worker_restarts.h"
#include "agent/worker/worker.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/base/steady_time.h"
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

namespace hoptrail::agent {
namespace {

using privilege::Channel;
using privilege::Message;
using privilege::MessageKind;

constexpr absl::Duration kLoadWithin = absl::Minutes(5);
constexpr absl::Duration kStopWithin = absl::Seconds(10);
constexpr absl::Duration kLookEvery = absl::Seconds(30);

// Device and inode; zeros where there is none.
using FileName = std::pair<dev_t, ino_t>;

std::vector<FileName> FileNames(const std::vector<std::string>& paths) {
  std::vector<FileName> names;
  for (const std::string& path : paths) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) status = {};
    names.emplace_back(status.st_dev, status.st_ino);
  }
  return names;
}

class Supervisor {
 public:
  explicit Supervisor(const Settings& settings) : settings_(settings) {}
  ~Supervisor();

  absl::Status Start();
  int Run();
  // Only while there is no worker, which writes otherwise.
  void WriteHealth(HealthState state, const std::string& why_not_ready) const;

 private:
  absl::Status StartLoader();
  absl::Status StartWorker();
  bool Step();
  void Hear(const signalfd_siginfo& info);
  void Reap();
  void OnWorkerEnd(int status);
  void OnLoaderEnd(int status);
  void OnAssume(const std::string& host);
  void OnStopped(pid_t pid, int signal_number);
  void LookAtFiles(SteadyTime now);
  void ReplaceWorker(bool in_haste = true);
  void OnChildEnd(pid_t pid, int status);
  void BeginStop(int exit_status, const std::string& trouble, const StopSignal& signal = {});
  absl::Duration UntilNext() const;

  const Settings& settings_;
  Configuration configuration_{settings_};
  const pid_t pid_ = ::getpid();
  model::HostId host_;
  UniqueFd lock_, signals_;
  HealthFile health_file_;
  ServiceManager service_manager_ = ServiceManager::FromEnvironment();
  sigset_t inherited_mask_{};

  pid_t loader_pid_ = 0;
  Channel loader_{UniqueFd()};
  std::vector<UniqueFd> handles_;
  UniqueFd reported_losses_;  // shared by one worker after the other
  kernel::Handles sizes_;
  std::vector<model::SourceCoverage> coverage_;

  pid_t worker_pid_ = 0;
  Channel worker_{UniqueFd()};
  WorkerRestarts restarts_;
  std::string last_end_;
  std::string untold_;  // interference of which no worker could be told yet

  // The worker may read certain files, not certain names: it is replaced when they are.
  std::vector<FileName> files_;
  SteadyTime look_at_ = SteadyTime::InfinitePast();
  SteadyTime replace_by_ = SteadyTime::InfiniteFuture();

  SteadyTime kill_at_ = SteadyTime::InfiniteFuture();  // once it is stopping
  bool stopping_ = false;
  std::optional<int> exit_status_;
};

Supervisor::~Supervisor() {
  // Whatever went wrong: nothing of it is left behind.
  for (const pid_t pid : {worker_pid_, loader_pid_}) {
    if (pid == 0) continue;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
}

absl::Status Supervisor::Start() {
  HT_ASSIGN_OR_RETURN(host_, ReadHostId(settings_.machine_id_file));
  HT_ASSIGN_OR_RETURN(lock_, LockStateDirectory(settings_.state_directory));
  host_ = spool::SpokenFor(spool::MarkFile(settings_.state_directory + "/marks").Get(), host_);
  auto health_file = HealthFile::Create(settings_.file, settings_.state_directory);
  if (health_file.ok()) {
    health_file_ = *std::move(health_file);
  } else {
    LogWarning("supervisor", "no answer to --health: ", health_file.status().message());
  }
  WriteHealth(HealthState::kDown, "it is starting: its programs are being loaded");
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&signals, number);
  // Loader and worker inherit the mask: only we decide that it is over.
  ::sigprocmask(SIG_BLOCK, &signals, &inherited_mask_);
  ::signal(SIGHUP, SIG_DFL);  // what is ignored never arrives
  signals_.reset(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.valid()) return absl::ErrnoToStatus(errno, "signalfd");
  HT_ASSIGN_OR_RETURN(reported_losses_, kernel::Reader::MakeReportedMemory());
  HT_RETURN_IF_ERROR(StartLoader());
  privilege::MissingRestrictions missing;
  HT_RETURN_IF_ERROR(privilege::ConfineSupervisor(&missing));
  return StartWorker();
}

absl::Status Supervisor::StartLoader() {
  HT_ASSIGN_OR_RETURN(auto ends, Channel::Pair());
  const pid_t pid = ::fork();
  if (pid < 0) return absl::ErrnoToStatus(errno, "fork");
  if (pid == 0) {
    ends.first = Channel(UniqueFd());
    lock_.reset();
    health_file_ = HealthFile();
    service_manager_ = ServiceManager();
    signals_.reset();
    ::_exit(RunLoader(settings_, std::move(ends.second), pid_));
  }
  loader_pid_ = pid;
  loader_ = std::move(ends.first);
  ends.second = Channel(UniqueFd());
  HT_ASSIGN_OR_RETURN(Message started, loader_.Receive(kLoadWithin));
  if (started.kind != MessageKind::kStarted || started.number != 0) {
    return absl::Status(static_cast<absl::StatusCode>(started.number), started.text);
  }
  if (started.fds.size() != kStartedFds) return absl::InternalError("the loader gave too little");
  HT_RETURN_IF_ERROR(ParseSizes(started.text, &sizes_));
  HT_ASSIGN_OR_RETURN(coverage_, FromMemory(started.fds[kCoverageFd].get()));
  started.fds.pop_back();
  handles_ = std::move(started.fds);
  sizes_.high_ring.fd = handles_[kHighRingFd].get();
  sizes_.low_ring.fd = handles_[kLowRingFd].get();
  sizes_.losses_fd = handles_[kLossesFd].get();
  sizes_.reported_fd = reported_losses_.get();
  return absl::OkStatus();
}

absl::Status Supervisor::StartWorker() {
  HT_ASSIGN_OR_RETURN(auto to_loader, Channel::Pair());
  HT_ASSIGN_OR_RETURN(auto ends, Channel::Pair());
  HT_RETURN_IF_ERROR(loader_.Send(MessageKind::kNewWorker, 0, 0, "", {to_loader.second.fd()}));
  const pid_t pid = ::fork();
  if (pid < 0) return absl::ErrnoToStatus(errno, "fork");
  if (pid == 0) {
    WorkerArguments arguments{.supervisor_pid = pid_,
                .supervisor = std::move(ends.second),
                .loader = std::move(to_loader.first),
                .handles = sizes_,
                .lock = std::move(lock_),
                .host = host_,
                .coverage = coverage_,
                .last_end = last_end_,
                .weakened = configuration_.WeakenedForWorker(),
                .health_file = std::move(health_file_),
                .service_manager = std::move(service_manager_)};
    // From here on the worker's own: nothing here closes them a second time.
    for (UniqueFd& handle : handles_) handle.release();
    reported_losses_.release();
    ::exit(RunWorker(configuration_.ForWorker(), std::move(arguments)));
  }
  worker_pid_ = pid;
  worker_ = std::move(ends.first);
  configuration_.OnWorkerStart();
  const SteadyTime now = SteadyTime::Now();
  restarts_.OnStart(now);
  files_ = FileNames(ResolverFiles());
  look_at_ = now + kLookEvery;
  HT_RETURN_IF_ERROR(loader_.Send(MessageKind::kNewWorker, static_cast<uint32_t>(pid), 0, "",
                                  {to_loader.second.fd()}));
  if (!untold_.empty()) {
    (void)worker_.Send(MessageKind::kInterference, 0, 0, std::exchange(untold_, ""));
  }
  return absl::OkStatus();
}

void Supervisor::WriteHealth(HealthState state, const std::string& why_not_ready) const {
  const absl::Status written =
      health_file_.Write({host_.boot, Clock::System().BootNs(), state, why_not_ready});
  if (!written.ok()) LogWarning("supervisor", written.message());
}

absl::Duration Supervisor::UntilNext() const {
  const SteadyTime next =
      std::min({restarts_.due(), kill_at_, look_at_, replace_by_, configuration_.due()});
  return std::clamp(next - SteadyTime::Now(), absl::ZeroDuration(), absl::Hours(1));
}

int Supervisor::Run() {
  while (!exit_status_.has_value() || worker_pid_ != 0 || loader_pid_ != 0) {
    if (!Step()) return kExitFailure;
  }
  return *exit_status_;
}

bool Supervisor::Step() {
  pollfd wakes[2] = {{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                     {.fd = worker_.fd(), .events = POLLIN, .revents = 0}};
  const int64_t wait_ms = absl::ToInt64Milliseconds(UntilNext()) + 1;
  if (::poll(wakes, 2, static_cast<int>(wait_ms)) < 0 && errno != EINTR) {
    LogError("supervisor", "poll: ", absl::ErrnoToStatus(errno, "poll").message());
    return false;
  }
  if (wakes[1].revents != 0) {
    const absl::StatusOr<Message> word = worker_.Receive(absl::ZeroDuration());
    if (word.ok() && word->kind == MessageKind::kReady) {
      if (restarts_.OnReady()) service_manager_.SayReady();
      configuration_.OnWorkerReady();
    }
    if (word.ok() && word->kind == MessageKind::kAssume) OnAssume(word->text);
    if (!word.ok()) worker_ = Channel(UniqueFd());  // its end comes as a signal
  }
  signalfd_siginfo info;
  while (::read(signals_.get(), &info, sizeof(info)) == sizeof(info)) {
    Hear(info);
  }
  Reap();
  const SteadyTime now = SteadyTime::Now();
  if (now >= look_at_) LookAtFiles(now);
  configuration_.CheckTime(now);
  if (now >= replace_by_) {
    replace_by_ = SteadyTime::InfiniteFuture();
    if (worker_pid_ != 0) ::kill(worker_pid_, SIGKILL);
  }
  if (now >= kill_at_) {
    kill_at_ = SteadyTime::InfiniteFuture();
    for (const pid_t pid : {worker_pid_, loader_pid_}) {
      if (pid != 0) ::kill(pid, SIGKILL);
    }
  }
  if (now >= restarts_.due() && !stopping_) {
    const absl::Status started = StartWorker();
    if (!started.ok()) {
      LogError("supervisor", "no worker: ", started.message());
      restarts_.OnStartFailed(now);
    }
  }
  return true;
}

void Supervisor::Hear(const signalfd_siginfo& info) {
  if (info.ssi_signo == SIGHUP) {
    if (!stopping_) configuration_.BeginReload();
  } else if (info.ssi_signo != SIGCHLD) {
    BeginStop(0, "", FromSignalInfo(info, ::getppid()));
  }
}

void Supervisor::Reap() {
  int status = 0;
  for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0;) {
    if (WIFSTOPPED(status)) {
      OnStopped(pid, WSTOPSIG(status));
    } else if (pid == worker_pid_) {
      OnWorkerEnd(status);
    } else if (pid == loader_pid_) {
      OnLoaderEnd(status);
    } else {
      OnChildEnd(pid, status);
    }
  }
}

void Supervisor::LookAtFiles(SteadyTime now) {
  look_at_ = now + kLookEvery;
  if (stopping_ || restarts_.replacing() || !worker_.valid() ||
      FileNames(ResolverFiles()) == files_)
    return;
  LogInfo("supervisor", "files for resolving names were replaced: so is the worker, to read them");
  ReplaceWorker();
}

void Supervisor::ReplaceWorker(bool in_haste) {
  if (!worker_.Send(MessageKind::kStop, 0).ok()) return;  // its end comes as a signal
  restarts_.OnReplace(in_haste);
  replace_by_ = SteadyTime::Now() + kStopWithin;
}

// The one that checks a configuration.
void Supervisor::OnChildEnd(pid_t pid, int status) {
  const std::optional<LogLevel> level = configuration_.OnChildEnd(pid, status);
  if (!level.has_value() || stopping_) return;
  SetLogLevel(*level);
  (void)loader_.Send(MessageKind::kLogLevel, static_cast<uint32_t>(*level));
  // Where none runs at present, the next one goes by it.
  if (worker_.valid() && !restarts_.replacing()) ReplaceWorker();
}

// Another agent speaks for this host. A worker can only ask for another boot of this machine.
void Supervisor::OnAssume(const std::string& host) {
  const absl::StatusOr<model::HostId> assumed = model::ParseHostId(host);
  if (!assumed.ok() || assumed->machine != host_.machine || stopping_ || restarts_.replacing()) {
    return;
  }
  LogWarning("supervisor", "another worker starts, and speaks for ", host);
  host_ = *assumed;
  ReplaceWorker(/*in_haste=*/false);
}

void Supervisor::OnStopped(pid_t pid, int signal_number) {
  const char* which = pid == worker_pid_ ? "worker" : "loader";
  const std::string what =
      absl::StrCat("the ", which, " was stopped by signal ", signal_number, " and continued");
  ::kill(pid, SIGCONT);
  LogWarning("supervisor", what);
  if (!worker_.valid() || !worker_.Send(MessageKind::kInterference, 0, 0, what).ok()) {
    untold_ = what;
  }
}

void Supervisor::OnWorkerEnd(int status) {
  worker_pid_ = 0;
  worker_ = Channel(UniqueFd());
  replace_by_ = SteadyTime::InfiniteFuture();
  const SteadyTime now = SteadyTime::Now();
  const WorkerRestarts::End end = restarts_.OnEnd(status, now);
  if (stopping_ || end == WorkerRestarts::End::kHopeless) {
    // It has said why.
    if (!stopping_) exit_status_ = WEXITSTATUS(status);
    stopping_ = true;
    loader_ = Channel(UniqueFd());
    kill_at_ = now + kStopWithin;
    restarts_.Stop();
    return;
  }
  if (end == WorkerRestarts::End::kMadeRoom) {
    last_end_.clear();
    return;
  }
  configuration_.OnWorkerFault();
  last_end_ = privilege::DescribeEnd(status);
  WriteHealth(HealthState::kLive, absl::StrCat("the worker ", last_end_));
  LogError("supervisor", "the worker ", last_end_, "; another starts in ",
           absl::FormatDuration(restarts_.due() - now));
}

void Supervisor::OnLoaderEnd(int status) {
  loader_pid_ = 0;
  if (stopping_) return;
  const std::string what =
      absl::StrCat("the loader ", privilege::DescribeEnd(status),
                   ": its programs are gone from the kernel, nothing watches this host any more");
  LogError("supervisor", what);
  BeginStop(kExitLoaderGone, what);
}

void Supervisor::BeginStop(int exit_status, const std::string& trouble, const StopSignal& signal) {
  if (stopping_) return;
  stopping_ = true;
  service_manager_.SayStopping();
  exit_status_ = exit_status;
  kill_at_ = SteadyTime::Now() + kStopWithin;
  restarts_.Stop();
  if (worker_pid_ == 0) {
    loader_ = Channel(UniqueFd());
  } else if (worker_.valid()) {
    const StopNumbers numbers = ToNumbers(signal);
    (void)worker_.Send(MessageKind::kStop, numbers.number, numbers.serial, trouble);
  }
}

}  // namespace

int Supervise(const Settings& settings) {
  Supervisor supervisor(settings);
  const absl::Status started = supervisor.Start();
  if (!started.ok()) {
    WriteError("hoptrail-agent", started.message());
    supervisor.WriteHealth(HealthState::kDown,
                           absl::StrCat("it did not start: ", started.message()));
    return kExitFailure;
  }
  const int exit_status = supervisor.Run();
  supervisor.WriteHealth(HealthState::kDown, "it has ended");
  return exit_status;
}

}  // namespace hoptrail::agent
