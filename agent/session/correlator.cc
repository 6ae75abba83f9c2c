#include "agent/session/correlator.h"

#include <limits>
#include <utility>
#include <variant>

namespace hoptrail::agent::session {
namespace {

// The queue to the spool has room for this many facts beside new ones.
constexpr size_t kRepeatedAtOnce = 1000;

}  // namespace

// Passes a record to the part that handles it.
struct Correlator::Dispatch {
  Correlator& stage;
  const decode::Header& header;

  void operator()(const decode::Fork& fork) { stage.processes_.OnFork(header, fork); }
  void operator()(const decode::Exec& exec) { stage.processes_.OnExec(header, exec); }
  void operator()(const decode::Exit&) { stage.processes_.OnExit(header); }
  void operator()(const decode::CredentialsChange& change) {
    stage.processes_.OnCredentials(header, change);
  }
  void operator()(const decode::NamespacesChange& change) {
    stage.processes_.OnNamespaces(header, change);
  }
  void operator()(const decode::File& file) {
    if (process::Process* process = stage.processes_.Update(header); process != nullptr) {
      stage.file_writers_.OnFile(*process, file);
    }
  }
  void operator()(const decode::Tcp& tcp) { stage.traffic_.OnTcp(header, tcp); }
  void operator()(const decode::Accept& accept) { stage.traffic_.OnAccept(header, accept); }
  void operator()(const decode::DatagramFlow& flow) { stage.traffic_.OnDatagramFlow(header, flow); }
  void operator()(const decode::UnixConnect& connect) {
    if (process::Process* process = stage.processes_.Update(header); process != nullptr) {
      stage.session_drivers_.OnUnixConnect(*process, connect);
    }
  }
  void operator()(const decode::Trace& trace) {
    if (process::Process* process = stage.processes_.Update(header); process != nullptr) {
      stage.session_drivers_.OnTrace(*process, trace);
    }
  }
  void operator()(const decode::Pam& pam) {
    if (process::Process* process = stage.processes_.Update(header); process != nullptr) {
      stage.login_claims_.OnPam(*process, pam);
    }
  }
  void operator()(const decode::SshdMessage& message) {
    if (process::Process* process = stage.processes_.Update(header); process != nullptr) {
      stage.login_claims_.OnSshdMessage(*process, message);
    }
  }
  void operator()(const decode::ProcessSnapshot& snapshot) {
    stage.reconciliation_.OnProcess(header, snapshot);
  }
  void operator()(const decode::SocketSnapshot& snapshot) {
    stage.reconciliation_.OnSocket(header, snapshot);
  }
  void operator()(const decode::SnapshotDone&) { stage.reconciliation_.OnDone(header); }
  void operator()(const decode::Lost& lost) { stage.OnLost(header, lost); }
  void operator()(const decode::Tampering&) { stage.OnTampering(header); }
};

Correlator::Correlator(Options options, Output* output, EventSink* sink)
    : output_(output),
      tables_({.host = options.host,
               .clock = options.clock,
               .store = options.store,
               .processes = options.processes,
               .max_connections = options.max_connections,
               .user_resolver = std::move(options.user_resolver),
               .host_pid_namespace = options.host_pid_namespace,
               .sink = sink}),
      reporter_({.watched_ports = std::move(options.watched_ports),
                 .max_edges = options.max_edges,
                 .max_hops_per_minute = options.max_hops_per_minute},
                &tables_),
      assignment_(options.host_pid_namespace, std::move(options.has_timer), &tables_),
      entries_(&assignment_.opener(), &reporter_, &tables_),
      logins_(&reporter_, &tables_),
      audit_logins_(&assignment_, &entries_, &logins_, &tables_),
      login_claims_(&assignment_.opener(), &entries_, &logins_, &tables_),
      processes_({.tables = &tables_,
                  .assignment = &assignment_,
                  .entries = &entries_,
                  .logins = &logins_,
                  .audit_logins = &audit_logins_,
                  .reporter = &reporter_}),
      traffic_({.tables = &tables_,
                .processes = &processes_,
                .entries = &entries_,
                .logins = &logins_,
                .reporter = &reporter_}),
      session_drivers_(&reporter_, &tables_),
      file_writers_(&tables_),
      reconciliation_({.tables = &tables_,
                       .assignment = &assignment_,
                       .entries = &entries_,
                       .logins = &logins_,
                       .processes = &processes_,
                       .reporter = &reporter_}),
      last_loss_wall_ns_(options.clock->WallNs()) {
  assignment_.Restore(options.saved);
  reconciliation_.Restore(std::move(options.saved.open_hops));
  file_writers_.Restore(std::move(options.saved.file_writers));
}

void Correlator::Handle(const decode::Event& event) {
  tables_.now_boot_ns = event.header.boot_ns;
  // In a flood the next tick is too far away for memory to stay bounded. Nothing points into the
  // tables between two events.
  if (tables_.processes.needs_aging()) tables_.processes.Age(tables_.now_boot_ns);
  if (tables_.sessions.needs_aging()) tables_.sessions.Age(tables_.now_boot_ns);
  tables_.emitter.Before(event);
  std::visit(Dispatch{*this, event.header}, event.body);
  Flush();
  tables_.emitter.Emit(event);
}

// Reports the results of an event: a session goes before the facts that name it.
void Correlator::Flush() {
  const uint64_t now = tables_.now_boot_ns;
  tables_.sessions.Flush([&](Node& node) { file_writers_.AddDrivers(node); },
                         [&](const Node& node) {
                           output_->OnSession(node.session);
                           tables_.emitter.SessionChanged(node, now);
                         });
  reporter_.Flush([&](const model::HopEnd& hop) {
    output_->OnHopEnd(hop);
    tables_.emitter.HopEndReported(hop, now);
  });
  logins_.Flush([&](const model::LoginAttempt& attempt, const model::SessionId& listener) {
    output_->OnLoginAttempt(attempt, listener);
    tables_.emitter.LoginAttempted(attempt, listener, now);
  });
  tables_.emitter.EmitLostEnds(now);
}

// A detection will name the session of the process that tampers with the sensor. It may name only a
// session that was reported, so even a pending one is reported now.
void Correlator::OnTampering(const decode::Header& header) {
  process::Process* process = processes_.Update(header);
  Node* node = process == nullptr ? nullptr : tables_.NodeOf(*process);
  if (node == nullptr || node->reported) return;
  if (node->pending()) {
    logins_.Promote(*node);
  } else {
    tables_.sessions.MarkDirty(*node);
  }
}

void Correlator::ReportAsked(const model::HopKey& key) {
  tables_.now_boot_ns = tables_.clock->BootNs();
  reporter_.ReportAsked(key);
  Flush();
}

void Correlator::Repeat() {
  tables_.now_boot_ns = tables_.clock->BootNs();
  repeat_sessions_.clear();
  repeat_sockets_.clear();
  tables_.sessions.ForEach([&](const Node& node) {
    if (node.reported) repeat_sessions_.push_back(node.session.id);
  });
  tables_.connections.ForEach([&](const Connection& connection) {
    if (connection.reported != nullptr) repeat_sockets_.push_back(connection.socket);
  });
  RepeatSome();
  Flush();
}

// Reports them as they are now: a session goes before the connections that name it.
void Correlator::RepeatSome() {
  size_t left = kRepeatedAtOnce;
  for (; left > 0 && !repeat_sessions_.empty(); --left) {
    if (Node* node = tables_.sessions.Find(repeat_sessions_.front()))
      tables_.sessions.MarkDirty(*node);
    repeat_sessions_.pop_front();
  }
  for (; left > 0 && !repeat_sockets_.empty(); --left) {
    const Connection* connection = tables_.connections.Find(repeat_sockets_.front());
    repeat_sockets_.pop_front();
    if (connection != nullptr) reporter_.ReportAgain(*connection);
  }
}

void Correlator::Tick() {
  tables_.now_boot_ns = tables_.clock->BootNs();
  RepeatSome();
  reporter_.ReportWaiting(tables_.now_boot_ns);
  reconciliation_.Settle();
  Flush();
  tables_.sessions.SaveMembers(tables_.processes);
  reporter_.FlushEdges(*output_, /*current_too=*/false);
  tables_.processes.Age(tables_.now_boot_ns);
  tables_.sessions.Age(tables_.now_boot_ns);
  tables_.influences.Age(tables_.now_boot_ns);
  assignment_.containers().ForgetClosed();
  ReportLosses();
}

void Correlator::Finish() {
  tables_.now_boot_ns = tables_.clock->BootNs();
  reporter_.ReportWaiting(std::numeric_limits<uint64_t>::max());
  Flush();
  tables_.sessions.SaveMembers(tables_.processes);
  reporter_.FlushEdges(*output_, /*current_too=*/true);
  ReportLosses();
}

void Correlator::ReportLosses() {
  const uint64_t dropped = tables_.processes.dropped() + tables_.connections.dropped();
  ReportLoss("tables", "process or connection", dropped - dropped_reported_);
  dropped_reported_ = dropped;
  ReportLoss("hops", "hop_end", reporter_.TakeDropped());
}

void Correlator::OnLost(const decode::Header& header, const decode::Lost& lost) {
  ReportLoss(lost.where, lost.type, lost.count, header.cpu);
}

void Correlator::ReportLoss(const std::string& where, const std::string& type, uint64_t count,
                            uint32_t cpu) {
  if (count == 0) return;
  model::Loss loss;
  loss.host = tables_.host;
  loss.where = where;
  loss.type = type;
  loss.cpu = cpu;
  loss.count = count;
  loss.from_wall_ns = last_loss_wall_ns_;
  loss.until_wall_ns = last_loss_wall_ns_ = tables_.clock->WallNs();
  output_->OnLoss(loss);
}

bool Correlator::Handle(const model::Provenance& provenance, uint64_t boot_ns) {
  Node* node = tables_.sessions.Find(provenance.session);
  if (node == nullptr) return false;
  tables_.now_boot_ns = boot_ns;
  node->provenance = provenance;
  if (!node->saved && !node->pending() && node->session.closed_wall_ns == 0)
    tables_.sessions.Save(*node);
  // Connections that were opened before the provenance was known matter now.
  tables_.connections.ForEach([&](Connection& connection) {
    if (connection.session == provenance.session && connection.reported == nullptr &&
        !connection.hop_key.empty() && reporter_.Qualifies(connection)) {
      reporter_.Report(connection);
    }
  });
  Flush();
  tables_.emitter.ProvenanceKnown(*node, boot_ns);
  return true;
}

model::SessionId Correlator::SessionOf(const model::ProcessKey& key) {
  const process::Process* process = tables_.processes.Find(key);
  return process == nullptr ? model::SessionId() : process->session;
}

std::vector<model::ProcessKey> Correlator::LivingProcesses() {
  std::vector<model::ProcessKey> keys;
  tables_.processes.ForEach([&](const process::Process& process) {
    if (process.alive()) keys.push_back(process.key);
  });
  return keys;
}

}  // namespace hoptrail::agent::session
