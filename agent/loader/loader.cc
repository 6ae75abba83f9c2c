#include "agent/loader/loader.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

#include "agent/host/host_facts.h"
#include "agent/host/process_names.h"
#include "agent/kernel/program_set.h"
#include "agent/loader/handover.h"
#include "agent/loader/message_handler.h"
#include "agent/privilege/confine.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/base/steady_time.h"
#include <sys/prctl.h>
#include <sys/wait.h>

namespace hoptrail::agent::loader {
namespace {

using privilege::Channel;

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
        messages_(std::move(supervisor),
                  {.host_root = HostRoot(settings),
                   .open_iterator = [this](kernel::Walk w) { return programs_->OpenIterator(w); },
                   .on_worker = [this](uint32_t pid) { ProtectProcesses(pid); }}) {}

  absl::Status Send(const UniqueFd& coverage_file) const {
    return SendHandover(messages_.supervisor(), programs_->handles(), coverage_file);
  }
  // Until the supervisor has ended.
  absl::Status Serve();

 private:
  void Heartbeat();
  void ProtectProcesses(uint32_t worker_pid);

  std::unique_ptr<kernel::ProgramSet> programs_;
  MessageHandler messages_;
};

// Starts a child that ends at once; the worker expects its fork in the ring. The child shares the
// loader's memory and the loader waits for it, so it costs next to nothing.
void Loader::Heartbeat() {
  const pid_t child = ::vfork();
  if (child == 0) ::_exit(0);
  if (child > 0) ::waitpid(child, nullptr, 0);
}

void Loader::ProtectProcesses(uint32_t worker_pid) {
  programs_->ProtectProcesses(
      {static_cast<uint32_t>(::getpid()), static_cast<uint32_t>(::getppid()), worker_pid});
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
    pollfd wakes[2] = {{.fd = messages_.supervisor().fd(), .events = POLLIN, .revents = 0},
                       {.fd = messages_.worker_fd(), .events = POLLIN, .revents = 0}};
    const int64_t wait_ms = std::clamp<int64_t>(absl::ToInt64Milliseconds(wait) + 1, 0, 60'000);
    if (::poll(wakes, 2, static_cast<int>(wait_ms)) < 0 && errno != EINTR) {
      return absl::ErrnoToStatus(errno, "poll");
    }
    if (wakes[0].revents != 0 && !messages_.HandleSupervisor()) return absl::OkStatus();
    // The supervisor may have passed another worker's channel.
    if (wakes[1].revents != 0 && messages_.worker_fd() == wakes[1].fd) messages_.HandleWorker();
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
