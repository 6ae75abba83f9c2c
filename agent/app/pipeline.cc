#include "agent/app/pipeline.h"

#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

#include "agent/app/process_names.h"
#include "agent/detect/service_command.h"

namespace hoptrail::agent::app {
namespace {

session::Correlator::Options CorrelatorOptions(Pipeline::Options& options) {
  session::Correlator::Options result;
  result.host = options.host;
  result.clock = options.clock;
  result.watched_ports = std::move(options.watched_ports);
  result.user_resolver = std::move(options.user_resolver);
  result.has_timer = std::move(options.has_timer);
  if (options.host_pid_namespace) result.host_pid_namespace = *options.host_pid_namespace;
  result.store = options.store;
  result.saved = std::move(options.saved);
  return result;
}

std::string TargetOf(const decode::Tampering& tampering) {
  switch (tampering.object) {
    case decode::ObjectKind::kProgram:
      return absl::StrCat("program ", tampering.object_id);
    case decode::ObjectKind::kMap:
      return absl::StrCat("map ", tampering.object_id);
    case decode::ObjectKind::kLink:
      return absl::StrCat("link ", tampering.object_id);
    case decode::ObjectKind::kUnknown:
      break;
  }
  return tampering.target_command;
}

}  // namespace

Pipeline::Pipeline(Options options)
    : clock_(options.clock),
      unit_(options.unit),
      supervisor_tgid_(options.supervisor_tgid),
      sink_(std::move(options.sink)),
      correlator_(CorrelatorOptions(options), this),
      pivot_(std::move(options.pivot)),
      brute_force_(options.brute_force),
      blinding_(options.blinding) {}

void Pipeline::Handle(const decode::Event& event) {
  ++events_;
  now_boot_ns_ = event.header.boot_ns;
  correlator_.Handle(event);
  if (const auto* tampering = std::get_if<decode::Tampering>(&event.body)) {
    OnTampering(event.header, *tampering);
  } else if (const auto* exec = std::get_if<decode::Exec>(&event.body)) {
    OnExec(event.header, *exec);
  }
}

// A person's: come in from elsewhere or at a terminal, or caused by one that did.
bool Pipeline::IsLogin(const model::SessionId& id) {
  const session::Node* node = correlator_.FindNode(id);
  if (node == nullptr) return false;
  if (node->remote()) return node->session.logged_in;
  return node->session.kind == model::EntryKind::kConsole || node->from_remote;
}

bool Pipeline::IsSupervisor(const decode::Tampering& tampering) const {
  if (supervisor_tgid_ != 0) return tampering.target.tgid == supervisor_tgid_;
  return tampering.target_command != kLoaderName && tampering.target_command != kWorkerName;
}

// Whoever started the agent may end it: process 1; a container's runtime, whose helper sends the
// signal from the session in which the container was started; what runs in the service's own unit,
// as ExecReload does. A login is no manager, whatever it has started.
bool Pipeline::IsManager(const model::ProcessName& sender, const process::Process* target) {
  if (sender.tgid == 1) return true;
  const process::Process* process = correlator_.FindProcess(sender);
  if (process == nullptr || process->session.empty() || IsLogin(process->session)) return false;
  if (target == nullptr) return false;
  if (!unit_.empty() && process->cgroup_id != 0 && process->cgroup_id == target->cgroup_id) {
    return true;
  }
  const process::Process* parent = correlator_.FindProcess(target->parent);
  return process->session == target->session ||
         (parent != nullptr && process->session == parent->session);
}

void Pipeline::OnExec(const decode::Header& header, const decode::Exec& exec) {
  if (!detect::MayStopService(exec.image, unit_)) return;
  const model::SessionId session = correlator_.SessionOf(header.process);
  if (!IsLogin(session)) return;
  stop_origin_.OnCommand({.boot_ns = header.boot_ns,
                          .process = header.process,
                          .uid = header.credentials.uid,
                          .line = absl::StrJoin(exec.image.arguments, " "),
                          .session = session});
}

model::Goodbye Pipeline::OnStop(const detect::StopSignal& signal) {
  const uint64_t now_ns = clock_->BootNs();
  if (stop_origin_.Seen(signal, now_ns) == nullptr && supervisor_tgid_ != 0) {
    // Not seen by the kernel side. The numbers of processes are the host's.
    const process::Process* self = correlator_.FindNewestProcess(supervisor_tgid_);
    const bool terminal = signal.from == detect::StopSignal::From::kKernel;
    const process::Process* sender = terminal          ? self
                                     : signal.pid == 0 ? nullptr
                                                       : correlator_.FindNewestProcess(signal.pid);
    if (sender != nullptr && sender->alive() && (!terminal || IsLogin(sender->session))) {
      const absl::string_view program = sender->program();
      stop_origin_.OnSignal({.signal = signal.number,
                             .boot_ns = now_ns,
                             .process = sender->name,
                             .uid = sender->credentials.uid,
                             .command = terminal
                                            ? "its terminal"
                                            : std::string(program.substr(program.rfind('/') + 1)),
                             .session = sender->session,
                             .manager = !terminal && IsManager(sender->name, self)});
    }
  }
  return stop_origin_.Find(signal, now_ns);
}

void Pipeline::OnTampering(const decode::Header& header, const decode::Tampering& tampering) {
  using Way = detect::BlindingRule::Way;
  detect::BlindingRule::Attempt attempt;
  switch (tampering.kind) {
    case decode::TamperingKind::kSignal:
      attempt.way = Way::kSignal;
      attempt.number = tampering.signal;
      break;
    case decode::TamperingKind::kPtrace:
      attempt.way = Way::kTrace;
      break;
    case decode::TamperingKind::kBpf:
      attempt.way = Way::kBpf;
      attempt.number = tampering.bpf_command;
      break;
    case decode::TamperingKind::kMap:
      attempt.way = Way::kMap;
      break;
    case decode::TamperingKind::kUnknown:
      return;
  }
  attempt.target = TargetOf(tampering);
  attempt.command = header.command;
  attempt.process = header.process;
  attempt.repeats = tampering.repeats;
  attempt.wall_ns = clock_->WallFromBoot(header.boot_ns);
  attempt.by_manager = IsManager(header.process, correlator_.FindProcess(tampering.target));
  if (tampering.kind == decode::TamperingKind::kSignal && IsSupervisor(tampering)) {
    stop_origin_.OnSignal({.signal = tampering.signal,
                           .boot_ns = header.boot_ns,
                           .process = header.process,
                           .uid = header.credentials.uid,
                           .command = header.command,
                           .session = correlator_.SessionOf(header.process),
                           .manager = attempt.by_manager});
  }
  const model::Session* session = correlator_.FindSession(correlator_.SessionOf(header.process));
  if (auto detection = blinding_.OnAttempt(attempt, session)) sink_(*std::move(detection));
}

void Pipeline::Handle(const model::Provenance& provenance) {
  if (!correlator_.Handle(provenance, clock_->BootNs())) return;
  for (model::Detection& detection : pivot_.OnProvenance(provenance)) sink_(std::move(detection));
}

void Pipeline::Tick() {
  now_boot_ns_ = clock_->BootNs();
  correlator_.Tick();
}

Pipeline::Counts Pipeline::counts() const {
  return {.events = events_,
          .lost = lost_,
          .processes = correlator_.process_count(),
          .sessions = correlator_.session_count(),
          .connections = correlator_.connection_count(),
          .logins = logins_.size()};
}

void Pipeline::OnSession(const model::Session& session) {
  const bool login = session.logged_in || session.kind == model::EntryKind::kConsole;
  if (login && session.closed_wall_ns == 0) {
    logins_.insert(session.id);
  } else {
    logins_.erase(session.id);
  }
  sink_(session);
}

void Pipeline::OnHopEnd(const model::HopEnd& hop) {
  sink_(hop);
  const session::Node* node = correlator_.FindNode(hop.session);
  if (node == nullptr) return;
  const model::Session& session = node->session;
  const bool remote = node->remote() ? session.logged_in : node->from_remote;
  const model::Provenance* provenance = correlator_.FindProvenance(hop.session);
  if (auto detection = pivot_.OnHopEnd(hop, session, remote, provenance)) {
    sink_(*std::move(detection));
  }
}

void Pipeline::OnLoginAttempt(const model::LoginAttempt& attempt,
                              const model::SessionId& listener) {
  sink_(attempt);
  if (auto detection = brute_force_.OnLoginAttempt(attempt, listener, now_boot_ns_)) {
    sink_(*std::move(detection));
  }
}

void Pipeline::OnEdge(const model::EdgeCount& edge) { sink_(edge); }

void Pipeline::OnLoss(const model::Loss& loss) {
  lost_ += loss.count;
  sink_(loss);
}

}  // namespace hoptrail::agent::app
