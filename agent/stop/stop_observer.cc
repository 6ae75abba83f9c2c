#include "agent/stop/stop_observer.h"

#include <utility>

#include "absl/strings/str_join.h"

#include "agent/host/process_names.h"
#include "agent/stop/sensor_manager.h"
#include "agent/stop/service_command.h"

namespace hoptrail::agent {

StopObserver::StopObserver(std::string unit, uint32_t supervisor_tgid, StopOrigin* origin)
    : unit_(std::move(unit)), supervisor_tgid_(supervisor_tgid), origin_(origin) {}

void StopObserver::OnEvent(const session::EnrichedEvent& event) {
  if (const auto* exec = event.As<decode::Exec>()) {
    OnExec(event, *exec);
  } else if (const auto* tampering = event.As<decode::Tampering>()) {
    OnTampering(event, *tampering);
  }
}

void StopObserver::OnExec(const session::EnrichedEvent& event, const decode::Exec& exec) {
  if (event.session == nullptr || !MayStopService(exec.image, unit_)) return;
  const decode::Header& header = event.event->header;
  std::string package_manager;
  if (event.process != nullptr) {
    package_manager = package_managers_.Find(*event.process, event.lineage);
  }
  origin_->OnCommand({.boot_ns = header.boot_ns,
                      .process = header.process,
                      .uid = header.credentials.uid,
                      .line = absl::StrJoin(exec.image.arguments, " "),
                      .session = event.session->id,
                      .by_login = event.by_login(),
                      .package_manager = std::move(package_manager)});
}

bool StopObserver::IsSupervisor(const decode::Tampering& tampering) const {
  if (supervisor_tgid_ != 0) return tampering.target.tgid == supervisor_tgid_;
  return tampering.target_command != kLoaderName && tampering.target_command != kWorkerName;
}

void StopObserver::OnTampering(const session::EnrichedEvent& event,
                               const decode::Tampering& tampering) {
  if (tampering.kind != decode::TamperingKind::kSignal || !IsSupervisor(tampering)) return;
  const decode::Header& header = event.event->header;
  origin_->OnSignal({.signal = tampering.signal,
                     .boot_ns = header.boot_ns,
                     .process = header.process,
                     .uid = header.credentials.uid,
                     .command = header.command,
                     .session = event.session == nullptr ? model::SessionId() : event.session->id,
                     .manager = IsSensorManager(event, unit_)});
}

}  // namespace hoptrail::agent
