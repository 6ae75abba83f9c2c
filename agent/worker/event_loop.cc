#include "agent/worker/event_loop.h"

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "agent/stop/stop_request.h"
#include "agent/worker/readiness.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/model/fact.h"
#include "core/model/ids.h"

namespace hoptrail::agent {
namespace {

constexpr uint64_t kHealthEveryTicks = 10;

}  // namespace

absl::Status EventLoop::Run() {
  const absl::Status ended = Loop();
  Finish();
  return ended;
}

absl::Status EventLoop::Loop() {
  while (!stop_.has_value()) {
    options_.heartbeat_interval->OnRound();
    HT_ASSIGN_OR_RETURN(const Wakeups::Reasons reasons,
                        options_.wakeups->Wait(options_.intake->UntilDue()));
    HT_RETURN_IF_ERROR(options_.intake->Poll());
    if (reasons.notified) {
      for (const model::Provenance& each : options_.inbox->TakeProvenance()) {
        options_.pipeline->Handle(each);
      }
      for (const model::HopKey& key : options_.inbox->TakeEndRequests()) {
        options_.pipeline->ReportAsked(key);
      }
      RepeatIfLost();
      ReportAssumedHost();
    }
    if (reasons.tick) Tick();
    if (reasons.notified || reasons.tick) options_.reports->ReportDegradations();
    if (reasons.supervisor) HT_RETURN_IF_ERROR(HandleSupervisorMessage());
  }
  return absl::OkStatus();
}

void EventLoop::Tick() {
  ++ticks_;
  options_.pipeline->Tick();
  // Heartbeats are due at another time then.
  if (options_.heartbeat_interval->SetOccupied(options_.pipeline->counts().logins > 0)) {
    options_.spool->Wake();
  }
  options_.reports->FindDegradations();
  options_.reports->FindSilentServers();
  const std::string name_before = options_.host_name->name();
  if (options_.host_name->Refresh()) {
    const std::string& name = options_.host_name->name();
    LogInfo("agent", "the host is called ", name, " from now on, not ", name_before);
    options_.uplink->SetHostName(name);
    options_.reports->ReportHealth();
  } else if (ticks_ % kHealthEveryTicks == 0) {
    options_.reports->ReportHealth();
  }
  WriteLocalHealth();
  options_.intake->Tick();
}

absl::Status EventLoop::HandleSupervisorMessage() {
  HT_ASSIGN_OR_RETURN(privilege::Message message,
                      options_.supervisor->Receive(absl::ZeroDuration()));
  if (message.kind == privilege::MessageKind::kInterference) {
    options_.reports->ReportInterference(model::InterferenceKind::kStopped, message.text);
  } else if (message.kind == privilege::MessageKind::kStop) {
    stop_ = std::move(message);
  }
  return absl::OkStatus();
}

void EventLoop::RepeatIfLost() {
  if (!options_.inbox->TakeStateLost()) return;
  LogWarning("agent",
             "the collector has lost what was reported; reporting the present state again");
  options_.reports->ReportCoverage();
  options_.reports->ReportHealth();
  options_.pipeline->Repeat();
}

// The supervisor answers by replacing this worker.
void EventLoop::ReportAssumedHost() {
  const std::optional<model::HostId> assumed = options_.inbox->TakeAssumedHost();
  if (!assumed.has_value()) return;
  const absl::Status sent =
      options_.supervisor->Send(privilege::MessageKind::kAssume, 0, 0, model::ToString(*assumed));
  if (!sent.ok()) LogWarning("agent", "cannot go on as another host: ", sent.message());
}

// In this order: the rings may hold the signal that ends the agent, and its sender. All of that is
// evaluated and queued before the goodbye, after which nothing follows.
void EventLoop::Finish() {
  const absl::Status drained = options_.intake->Drain();
  if (!drained.ok()) LogWarning("agent", "the rings were not read to the end: ", drained.message());
  options_.pipeline->Finish();
  if (stop_.has_value() && stop_->text.empty()) {
    SendGoodbye(*stop_);
  } else if (stop_.has_value()) {
    options_.reports->ReportInterference(model::InterferenceKind::kEnded, stop_->text);
  }
  options_.intake->LogCounts();
  options_.reports->ReportHealth();
}

void EventLoop::SendGoodbye(const privilege::Message& stop) {
  const StopSignal signal = FromNumbers({.number = stop.number, .serial = stop.serial});
  model::Goodbye goodbye{model::StopCause::kReplacement, "", {}};
  if (signal.number != 0) goodbye = options_.pipeline->OnStop(signal);
  LogInfo("agent", "asked to stop",
          goodbye.cause == model::StopCause::kReplacement      ? " for another worker"
          : goodbye.cause == model::StopCause::kServiceManager ? " by its service manager"
          : goodbye.cause == model::StopCause::kPackageManager ? " by a package manager"
                                                               : "",
          goodbye.detail.empty() ? "" : absl::StrCat(": ", goodbye.detail));
  options_.uplink->SetGoodbye(goodbye);
}

void EventLoop::WriteLocalHealth() {
  ReadinessInputs inputs;
  inputs.blind_sources = options_.blind_sources;
  inputs.self_test = options_.sees_loader;
  inputs.heartbeat_boot_ns = options_.heartbeat->last_seen_boot_ns();
  inputs.now_boot_ns = options_.clock->BootNs();
  inputs.collector_reached = options_.uplink->connected();
  for (const model::Degradation& one : options_.degradations->Current()) {
    if (one.kind == model::DegradationKind::kStateUnwritable) inputs.spool_trouble = one.detail;
  }
  options_.local_health->Write(inputs);
}

}  // namespace hoptrail::agent
