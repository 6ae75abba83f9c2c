#include "agent/worker/pipeline.h"

#include <string>
#include <utility>
#include <variant>

#include "agent/host/process_names.h"
#include "agent/rules/registry.h"
#include "agent/stop/sensor_manager.h"
#include "core/base/path.h"

namespace hoptrail::agent {
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

}  // namespace

Pipeline::Pipeline(Options options)
    : clock_(options.clock),
      host_(options.host),
      unit_(options.unit),
      supervisor_tgid_(options.supervisor_tgid),
      sink_(std::move(options.sink)),
      stop_observer_(unit_, supervisor_tgid_, &stop_origin_),
      rules_(rules::MakeHostRules({.config = options.rules, .unit = unit_}),
             [this](model::Detection detection) { OnDetection(std::move(detection)); }),
      correlator_(CorrelatorOptions(options), this, this),
      refused_since_wall_ns_(clock_->WallNs()) {}

void Pipeline::Handle(const decode::Event& event) {
  ++events_;
  correlator_.Handle(event);
}

void Pipeline::Handle(const model::Provenance& provenance) {
  correlator_.Handle(provenance, clock_->BootNs());
}

session::Interests Pipeline::interests() const {
  return rules_.interests() | stop_observer_.interests();
}

void Pipeline::OnEvent(const session::EnrichedEvent& event) {
  rules_.OnEvent(event);
  if (stop_observer_.interests().Contains(event.kind)) stop_observer_.OnEvent(event);
}

model::Goodbye Pipeline::OnStop(const StopSignal& signal) {
  const uint64_t now_ns = clock_->BootNs();
  // The kernel side may not have seen the signal. The process table has the host's pids.
  if (stop_origin_.Seen(signal, now_ns) == nullptr && supervisor_tgid_ != 0) {
    FindSender(signal, now_ns);
  }
  return stop_origin_.Find(signal, now_ns);
}

void Pipeline::FindSender(const StopSignal& signal, uint64_t now_boot_ns) {
  const process::Process* self = correlator_.FindNewestProcess(supervisor_tgid_);
  const bool terminal = signal.from == StopSignal::From::kKernel;
  const process::Process* sender = terminal          ? self
                                   : signal.pid == 0 ? nullptr
                                                     : correlator_.FindNewestProcess(signal.pid);
  if (sender == nullptr || !sender->alive()) return;
  const session::Node* node = correlator_.FindNode(sender->session);
  const bool by_login = node != nullptr && session::IsLogin(node->session, *node);
  if (terminal && !by_login) return;
  stop_origin_.OnSignal(
      {.signal = signal.number,
       .boot_ns = now_boot_ns,
       .process = sender->key,
       .uid = sender->credentials.uid,
       .command = terminal ? "its terminal" : std::string(BaseName(sender->program())),
       .session = sender->session,
       .manager =
           !terminal &&
           IsSensorManager(
               {.sender = sender->key, .process = sender, .by_login = by_login, .target = self},
               correlator_.lineage(), unit_)});
}

void Pipeline::Tick() {
  correlator_.Tick();
  rules_.OnTick(clock_->BootNs());
  ReportRefused();
}

// A detection that was refused shows a fault of a rule: it is reported as a loss.
void Pipeline::ReportRefused() {
  const uint64_t refused = rules_.refused() - refused_reported_;
  if (refused == 0) return;
  refused_reported_ += refused;
  model::Loss loss;
  loss.host = host_;
  loss.where = "rules";
  loss.type = "detection";
  loss.count = refused;
  loss.from_wall_ns = refused_since_wall_ns_;
  loss.until_wall_ns = refused_since_wall_ns_ = clock_->WallNs();
  OnLoss(loss);
}

Pipeline::Counts Pipeline::counts() const {
  return {.events = events_, .lost = lost_, .logins = logins_.size()};
}

// The collector checks that the session is one of this host, which it may not know yet, or no more.
void Pipeline::OnDetection(model::Detection detection) {
  if (const session::Node* node = correlator_.FindNode(detection.session); node != nullptr) {
    detection.session_process = node->session.first_process;
  }
  sink_(std::move(detection));
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

void Pipeline::OnHopEnd(const model::HopEnd& hop) { sink_(hop); }

void Pipeline::OnLoginAttempt(const model::LoginAttempt& attempt, const model::SessionId&) {
  sink_(attempt);
}

void Pipeline::OnEdge(const model::EdgeCount& edge) { sink_(edge); }

void Pipeline::OnLoss(const model::Loss& loss) {
  lost_ += loss.count;
  sink_(loss);
}

}  // namespace hoptrail::agent
