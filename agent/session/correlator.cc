#include "agent/session/correlator.h"

#include <limits>
#include <utility>

namespace hoptrail::agent::session {
namespace {

// No more than the queue to the spool takes beside everything else.
constexpr size_t kRepeatedAtOnce = 1000;

}  // namespace

Correlator::Correlator(Options options, Output* output)
    : options_(std::move(options)),
      output_(output),
      processes_(options_.processes),
      sessions_({.host = options_.host, .clock = options_.clock, .store = options_.store}),
      connections_(options_.max_connections),
      edges_(options_.host, options_.max_edges),
      users_(options_.user_resolver ? options_.user_resolver : PasswdFileResolver()),
      last_loss_wall_ns_(options_.clock->WallNs()) {
  for (const model::Session& session : options_.saved.sessions) {
    sessions_.Restore(session);
    if (session.kind == model::EntryKind::kContainer) containers_[session.unit] = session.id;
  }
  for (const auto& [process, session] : options_.saved.members) {
    saved_members_.emplace(process, session);
  }
  saved_hops_ = std::move(options_.saved.open_hops);
  options_.saved = {};
}

void Correlator::Handle(const decode::Event& event) {
  now_boot_ns_ = event.header.boot_ns;
  // In a flood, a second is too long to wait: memory is bounded at every moment. Nothing points to
  // what is forgotten here.
  if (processes_.full()) processes_.Age(now_boot_ns_);
  if (sessions_.full()) sessions_.Age(now_boot_ns_);
  std::visit([&](const auto& body) { On(event.header, body); }, event.body);
  Flush();
}

void Correlator::Flush() {
  sessions_.Flush(*output_);
  for (const model::HopEnd& hop : hops_) output_->OnHopEnd(hop);
  hops_.clear();
  for (const PendingAttempt& told : attempts_) {
    output_->OnLoginAttempt(told.attempt, told.listener);
  }
  attempts_.clear();
}

// A detection will name the session of whoever lays hands on the sensor: it is told before, also
// where nobody has come in by it in a way that we know.
void Correlator::On(const decode::Header& header, const decode::Tampering& tampering) {
  process::Process* process = Observe(header);
  Node* node = process == nullptr ? nullptr : NodeOf(*process);
  if (node == nullptr || node->told) return;
  if (node->pending) {
    Reveal(*node);
  } else {
    sessions_.Touch(*node);
  }
}

void Correlator::ReportWaiting(uint64_t until_boot_ns) {
  while (!waiting_.empty() && waiting_.front().first <= until_boot_ns) {
    Connection* connection = connections_.Find(waiting_.front().second);
    waiting_.pop_front();
    if (connection == nullptr || connection->report_boot_ns == 0) continue;
    connection->report_boot_ns = 0;
    Report(*connection);
  }
}

void Correlator::Repeat() {
  now_boot_ns_ = options_.clock->BootNs();
  repeat_sessions_.clear();
  repeat_sockets_.clear();
  sessions_.ForEach([&](const Node& node) {
    if (node.told) repeat_sessions_.push_back(node.session.id);
  });
  connections_.ForEach([&](const Connection& connection) {
    if (connection.reported != nullptr) repeat_sockets_.push_back(connection.socket);
  });
  RepeatSome();
  Flush();
}

// As they are by now, sessions before the connections that name them.
void Correlator::RepeatSome() {
  size_t left = kRepeatedAtOnce;
  for (; left > 0 && !repeat_sessions_.empty(); --left) {
    if (Node* node = sessions_.Find(repeat_sessions_.front())) sessions_.Touch(*node);
    repeat_sessions_.pop_front();
  }
  for (; left > 0 && !repeat_sockets_.empty(); --left) {
    const Connection* connection = connections_.Find(repeat_sockets_.front());
    repeat_sockets_.pop_front();
    if (connection != nullptr && connection->reported != nullptr) {
      hops_.push_back(*connection->reported);
    }
  }
}

void Correlator::Tick() {
  now_boot_ns_ = options_.clock->BootNs();
  RepeatSome();
  ReportWaiting(now_boot_ns_);
  SettleSnapshot();
  Flush();
  sessions_.SaveMembers(processes_);
  edges_.Flush(options_.clock->WallNs(), *output_);
  processes_.Age(now_boot_ns_);
  sessions_.Age(now_boot_ns_);
  ForgetContainers();
  TellLosses();
}

void Correlator::Finish() {
  now_boot_ns_ = options_.clock->BootNs();
  ReportWaiting(std::numeric_limits<uint64_t>::max());
  Flush();
  sessions_.SaveMembers(processes_);
  edges_.Flush(options_.clock->WallNs(), *output_, /*present_too=*/true);
  TellLosses();
}

void Correlator::TellLosses() {
  const uint64_t dropped = processes_.dropped() + connections_.dropped();
  TellLoss("tables", "process or connection", dropped - dropped_told_);
  dropped_told_ = dropped;
  TellLoss("hops", "hop_end", std::exchange(hops_dropped_, 0));
}

void Correlator::TellLoss(const char* where, const char* type, uint64_t count) {
  if (count == 0) return;
  model::Loss loss;
  loss.host = options_.host;
  loss.where = where;
  loss.type = type;
  loss.count = count;
  loss.from_wall_ns = last_loss_wall_ns_;
  loss.until_wall_ns = last_loss_wall_ns_ = options_.clock->WallNs();
  output_->OnLoss(loss);
}

bool Correlator::Handle(const model::Provenance& provenance, uint64_t boot_ns) {
  Node* node = sessions_.Find(provenance.session);
  if (node == nullptr) return false;
  now_boot_ns_ = boot_ns;
  node->provenance = provenance;
  if (!node->saved && !node->pending && node->session.closed_wall_ns == 0) sessions_.Save(*node);
  // What it connected to before this was known matters now.
  connections_.ForEach([&](Connection& connection) {
    if (connection.session == provenance.session && connection.reported == nullptr &&
        !connection.hop_name.empty() && Qualifies(connection)) {
      Report(connection);
    }
  });
  Flush();
  return true;
}

const model::Session* Correlator::FindSession(const model::SessionId& id) {
  const Node* node = sessions_.Find(id);
  return node == nullptr ? nullptr : &node->session;
}

const model::Provenance* Correlator::FindProvenance(const model::SessionId& id) {
  const Node* node = sessions_.Find(id);
  return node == nullptr || !node->provenance.has_value() ? nullptr : &*node->provenance;
}

model::SessionId Correlator::SessionOf(const model::ProcessName& name) {
  const process::Process* process = processes_.Find(name);
  return process == nullptr ? model::SessionId() : process->session;
}

std::vector<model::ProcessName> Correlator::LivingProcesses() {
  std::vector<model::ProcessName> names;
  processes_.ForEach([&](const process::Process& process) {
    if (process.alive()) names.push_back(process.name);
  });
  return names;
}

}  // namespace hoptrail::agent::session
