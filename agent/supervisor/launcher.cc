#include "agent/supervisor/launcher.h"

#include <stdlib.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

#include "absl/time/time.h"

#include "agent/host/host_facts.h"
#include "agent/kernel/reader.h"
#include "agent/spool/marks.h"
#include "agent/supervisor/state_directory.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"

namespace hoptrail::agent::supervisor {
namespace {

using privilege::Channel;
using privilege::MessageKind;

constexpr absl::Duration kLoadWithin = absl::Minutes(5);

}  // namespace

absl::Status Launcher::Prepare() {
  HT_ASSIGN_OR_RETURN(host_, ReadHostId(settings_.machine_id_file));
  HT_ASSIGN_OR_RETURN(lock_, LockStateDirectory(settings_.state_directory));
  host_ = spool::SpokenFor(spool::MarkFile(settings_.state_directory + "/marks").Get(), host_);
  auto health_file = HealthFile::Create(settings_.file, settings_.state_directory);
  if (health_file.ok()) {
    health_file_ = *std::move(health_file);
  } else {
    LogWarning("supervisor", "--health will get no answer: ", health_file.status().message());
  }
  WriteHealth(HealthState::kDown, "it is starting: its programs are being loaded");
  HT_ASSIGN_OR_RETURN(reported_losses_, kernel::Reader::MakeReportedMemory());
  return absl::OkStatus();
}

absl::Status Launcher::StartLoader(absl::FunctionRef<void()> close_in_child, ChildProcess* loader) {
  HT_RETURN_IF_ERROR(loader->Start([&](Channel supervisor) {
    close_in_child();
    lock_.reset();
    health_file_ = HealthFile();
    service_manager_ = ServiceManager();
    ::_exit(mains_.loader(settings_, std::move(supervisor), pid_));
  }));
  HT_ASSIGN_OR_RETURN(handover_, loader::ReceiveHandover(loader->channel(), kLoadWithin));
  handover_.handles.reported_fd = reported_losses_.get();
  return absl::OkStatus();
}

absl::Status Launcher::StartWorker(const ChildProcess& loader, const Configuration& configuration,
                                   const std::string& last_end, WorkerProcess* worker) {
  HT_ASSIGN_OR_RETURN(auto ends, Channel::Pair());
  const auto connect = [&](uint32_t worker_pid) {
    return loader.channel().Send(MessageKind::kNewWorker, worker_pid, 0, "", {ends.second.fd()});
  };
  // Before the worker starts, which may send requests at once, and again with its pid.
  HT_RETURN_IF_ERROR(connect(0));
  HT_RETURN_IF_ERROR(worker->Start([&](Channel supervisor) {
    BecomeWorker(std::move(supervisor), std::move(ends.first), configuration, last_end);
  }));
  HT_RETURN_IF_ERROR(connect(static_cast<uint32_t>(worker->pid())));
  worker->DeliverInterference();
  return absl::OkStatus();
}

void Launcher::BecomeWorker(Channel supervisor, Channel loader, const Configuration& configuration,
                            const std::string& last_end) {
  WorkerArguments arguments{.supervisor_pid = pid_,
                            .supervisor = std::move(supervisor),
                            .loader = std::move(loader),
                            .handles = handover_.handles,
                            .lock = std::move(lock_),
                            .host = host_,
                            .coverage = handover_.coverage,
                            .last_end = last_end,
                            .weakened = configuration.WeakenedForWorker(),
                            .health_file = std::move(health_file_),
                            .service_manager = std::move(service_manager_)};
  // The worker closes these itself.
  for (UniqueFd& map : handover_.maps) map.release();
  reported_losses_.release();
  ::exit(mains_.worker(configuration.ForWorker(), std::move(arguments)));
}

void Launcher::WriteHealth(HealthState state, const std::string& why_not_ready) const {
  const absl::Status written =
      health_file_.Write({host_.boot, Clock::System().BootNs(), state, why_not_ready});
  if (!written.ok()) LogWarning("supervisor", written.message());
}

}  // namespace hoptrail::agent::supervisor
