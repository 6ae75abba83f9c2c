#include "agent/loader/loader.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "agent/host/host_facts.h"
#include "agent/host/process_names.h"
#include "agent/kernel/program_set.h"
#include "agent/loader/handover.h"
#include "agent/privilege/confine.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/base/steady_time.h"
#include <sys/prctl.h>
#include <sys/wait.h>

namespace hoptrail::agent::loader {
namespace {

using privilege::Channel;
using privilege::Message;
using privilege::MessageKind;
using privilege::ResourceKind;

constexpr absl::Duration kUprobesEvery = absl::Seconds(5);
constexpr absl::Duration kHeartbeatEvery = absl::Seconds(2);

// The prefix of the host's paths. A container reaches them through the host's first process. An
// agent with a scope runs in its host's mount namespace, where they are in the usual place.
std::string HostRoot(const Settings& settings) {
  const bool whole = settings.network_namespace.empty();
  return whole && ::access("/proc/1/root/etc/passwd", R_OK) == 0 ? "/proc/1/root" : "";
}

class Loader {
 public:
  Loader(std::unique_ptr<kernel::ProgramSet> programs, const Settings& settings, Channel supervisor)
      : programs_(std::move(programs)),
        host_root_(HostRoot(settings)),
        supervisor_(std::move(supervisor)) {}

  absl::Status Send(const UniqueFd& coverage_file) const {
    return SendHandover(supervisor_, programs_->handles(), coverage_file);
  }
  // Until the supervisor has ended.
  absl::Status Serve();

 private:
  void Heartbeat();
  // False where the supervisor has ended.
  bool HandleSupervisor();
  void HandleWorker();
  void Answer(const Message& request);
  absl::StatusOr<UniqueFd> Open(uint32_t resource);
  absl::StatusOr<UniqueFd> OpenHostFile(const char* path, int flags);

  std::unique_ptr<kernel::ProgramSet> programs_;
  const std::string host_root_;
  Channel supervisor_;
  Channel worker_{UniqueFd()};
};

// Starts a child that ends at once; the worker expects its fork in the ring. The child shares the
// loader's memory and the loader waits for it, so it costs next to nothing.
void Loader::Heartbeat() {
  const pid_t child = ::vfork();
  if (child == 0) ::_exit(0);
  if (child > 0) ::waitpid(child, nullptr, 0);
}

absl::StatusOr<UniqueFd> Loader::OpenHostFile(const char* path, int flags) {
  const std::string whole = host_root_ + path;
  UniqueFd fd(::open(whole.c_str(), flags | O_CLOEXEC));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, whole);
  return fd;
}

absl::StatusOr<UniqueFd> Loader::Open(uint32_t resource) {
  switch (static_cast<ResourceKind>(resource)) {
    case ResourceKind::kProcesses:
      return programs_->OpenIterator(kernel::Walk::kProcesses);
    case ResourceKind::kListeners:
      return programs_->OpenIterator(kernel::Walk::kListeners);
    case ResourceKind::kConnections:
      return programs_->OpenIterator(kernel::Walk::kConnections);
    case ResourceKind::kAccounts:
      return OpenHostFile("/etc/passwd", O_RDONLY | O_NONBLOCK);
    case ResourceKind::kUnitsOfAdministrator:
      return OpenHostFile("/etc/systemd", O_PATH | O_DIRECTORY);
    case ResourceKind::kUnitsOfThisRun:
      return OpenHostFile("/run/systemd", O_PATH | O_DIRECTORY);
    case ResourceKind::kUnitsOfSystem:
      return OpenHostFile("/usr/lib/systemd", O_PATH | O_DIRECTORY);
    case ResourceKind::kUnitsOfOldSystem:
      return OpenHostFile("/lib/systemd", O_PATH | O_DIRECTORY);
  }
  return absl::InvalidArgumentError(absl::StrCat("resource ", resource, " does not exist"));
}

void Loader::Answer(const Message& request) {
  const absl::StatusOr<UniqueFd> fd =
      request.kind == MessageKind::kRequest
          ? Open(request.number)
          : absl::StatusOr<UniqueFd>(absl::InvalidArgumentError("the message is not a request"));
  const absl::Status sent =
      fd.ok() ? worker_.Send(MessageKind::kAnswer, 0, request.serial, "", {fd->get()})
              : worker_.Send(MessageKind::kAnswer, static_cast<uint32_t>(fd.status().code()),
                             request.serial, std::string(fd.status().message()));
  if (!sent.ok()) worker_ = Channel(UniqueFd());
}

absl::Status Loader::Serve() {
  SteadyTime uprobes = SteadyTime::Now() + kUprobesEvery;
  SteadyTime heartbeat = SteadyTime::Now();
  for (;;) {
    const SteadyTime now = SteadyTime::Now();
    if (now >= heartbeat) {
      Heartbeat();
      programs_->CountRecursionMisses();
      heartbeat = now + kHeartbeatEvery;
    }
    if (now >= uprobes) {
      const size_t found = programs_->AttachNewUprobes();
      if (found > 0) LogInfo("loader", "attached to ", found, " more libraries and programs");
      uprobes = SteadyTime::Now() + kUprobesEvery;
    }
    const absl::Duration wait = std::min(uprobes, heartbeat) - SteadyTime::Now();
    pollfd wakes[2] = {{.fd = supervisor_.fd(), .events = POLLIN, .revents = 0},
                       {.fd = worker_.fd(), .events = POLLIN, .revents = 0}};
    const int64_t wait_ms = std::clamp<int64_t>(absl::ToInt64Milliseconds(wait) + 1, 0, 60'000);
    if (::poll(wakes, 2, static_cast<int>(wait_ms)) < 0 && errno != EINTR) {
      return absl::ErrnoToStatus(errno, "poll");
    }
    if (wakes[0].revents != 0 && !HandleSupervisor()) return absl::OkStatus();
    // The supervisor may have passed another worker's channel.
    if (wakes[1].revents != 0 && worker_.fd() == wakes[1].fd) HandleWorker();
  }
}

bool Loader::HandleSupervisor() {
  absl::StatusOr<Message> message = supervisor_.Receive(absl::ZeroDuration());
  if (absl::IsUnavailable(message.status())) return false;
  if (!message.ok()) return true;
  if (message->kind == MessageKind::kLogLevel) {
    SetLogLevel(
        static_cast<LogLevel>(std::min(message->number, static_cast<uint32_t>(LogLevel::kError))));
  }
  if (message->kind == MessageKind::kNewWorker && message->fds.size() == 1) {
    worker_ = Channel(std::move(message->fds[0]));
    LogInfo("loader", "serving the worker with process id ", message->number);
    programs_->ProtectProcesses(
        {static_cast<uint32_t>(::getpid()), static_cast<uint32_t>(::getppid()), message->number});
  }
  return true;
}

void Loader::HandleWorker() {
  const absl::StatusOr<Message> request = worker_.Receive(absl::ZeroDuration());
  if (request.ok()) {
    Answer(*request);
  } else {
    worker_ = Channel(UniqueFd());  // the supervisor starts another worker
  }
}

absl::Status Start(const Settings& settings, std::unique_ptr<kernel::ProgramSet>* programs,
                   UniqueFd* coverage_file) {
  kernel::SensorOptions options = settings.sensor;
  if (!settings.network_namespace.empty()) {
    HT_ASSIGN_OR_RETURN(options.scope_network_namespace,
                        NetworkNamespaceInode(settings.network_namespace));
  }
  HT_ASSIGN_OR_RETURN(*programs, kernel::ProgramSet::Open(options));
  HT_ASSIGN_OR_RETURN(*coverage_file, CoverageFile((*programs)->Coverage()));
  privilege::MissingRestrictions missing;
  HT_RETURN_IF_ERROR(privilege::ConfineLoader((*programs)->needs_sys_admin(), &missing));
  for (const std::string& restriction : missing) LogWarning("loader", restriction);
  return absl::OkStatus();
}

}  // namespace

int RunLoader(const Settings& settings, Channel supervisor, pid_t parent) {
  ::prctl(PR_SET_NAME, kLoaderName);
  std::unique_ptr<kernel::ProgramSet> programs;
  UniqueFd coverage_file;
  absl::Status status = privilege::DieWith(parent);
  if (status.ok()) status = Start(settings, &programs, &coverage_file);
  if (!status.ok()) {
    (void)SendFailure(supervisor, status);
    return 1;
  }
  Loader loader(std::move(programs), settings, std::move(supervisor));
  status = loader.Send(coverage_file);
  if (status.ok()) status = loader.Serve();
  if (!status.ok()) LogError("loader", std::string(status.message()));
  return status.ok() ? 0 : 1;
}

}  // namespace hoptrail::agent::loader
