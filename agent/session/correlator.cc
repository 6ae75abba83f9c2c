#include "agent/session/correlator.h"

#include <algorithm>
#include <utility>

namespace hoptrail::agent::session {
namespace {

// Longest chain of ancestors that is looked at.
constexpr size_t kMaxChain = 4096;

absl::string_view BaseName(absl::string_view path) { return path.substr(path.rfind('/') + 1); }

bool IsCron(absl::string_view program) {
  const absl::string_view name = BaseName(program);
  return name == "cron" || name == "crond" || name == "atd" || name == "anacron" || name == "fcron";
}

bool IsLogin(absl::string_view program) {
  const absl::string_view name = BaseName(program);
  return name == "login" || name == "agetty" || name == "getty" || name == "gdm-session-worker" ||
         name == "lightdm" || name == "sddm-helper";
}

}  // namespace

Correlator::Correlator(Options options, Output* output)
    : options_(std::move(options)),
      output_(output),
      processes_(options_.processes),
      sessions_({.host = options_.host, .clock = options_.clock, .store = options_.store}),
      connections_(options_.max_connections),
      edges_(options_.host, options_.max_edges),
      users_(options_.user_resolver ? options_.user_resolver : PasswdFileResolver()),
      host_pid_namespace_(options_.host_pid_namespace),
      last_loss_wall_ns_(options_.clock->WallNs()) {
  for (const model::Session& session : options_.saved.sessions) sessions_.Restore(session);
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

void Correlator::Tick() {
  now_boot_ns_ = options_.clock->BootNs();
  while (!waiting_.empty() && waiting_.front().first <= now_boot_ns_) {
    Connection* connection = connections_.Find(waiting_.front().second);
    waiting_.pop_front();
    if (connection == nullptr || connection->report_boot_ns == 0) continue;
    connection->report_boot_ns = 0;
    Report(*connection);
  }
  Flush();
  sessions_.SaveMembers(processes_);
  edges_.Flush(options_.clock->WallNs(), *output_);
  processes_.Age(now_boot_ns_);
  sessions_.Age(now_boot_ns_);
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

process::Process* Correlator::Observe(const decode::Header& header) {
  process::Process* process = processes_.Find(header.process);
  const uint32_t before = process == nullptr ? model::kNoLogin : process->credentials.audit_session;
  const bool known = process != nullptr && !process->session.empty();
  bool created = false;
  process = processes_.Observe(header, &created);
  if (process == nullptr) return nullptr;
  if (process::Process* gone = processes_.Replaced(process->name); gone != nullptr) {
    End(*gone, header.boot_ns);
  }
  if (host_pid_namespace_ == 0 && process->name.tgid == 1) {
    host_pid_namespace_ = process->namespaces.pid;
  }
  if (processes_.in_snapshot()) return process;  // placed when it is complete
  if (!known) Place(*process);
  const uint32_t after = process->credentials.audit_session;
  if (after != model::kNoLogin && (!known || after != before) && process->alive()) {
    OnAuditChange(*process);
  }
  if (known && FirstInContainer(*process)) {
    const Node* node = NodeOf(*process);
    if (node != nullptr && node->session.kind == model::EntryKind::kService) {
      const auto found = containers_.find(process->namespaces.pid);
      Node* container = found == containers_.end() ? nullptr : sessions_.Find(found->second);
      if (container == nullptr) {
        container = NewSession(*process, model::EntryKind::kContainer);
      }
      MoveSubtree(*process, *container);
    }
  }
  return process;
}

bool Correlator::FirstInContainer(const process::Process& process) const {
  return process.own_events && host_pid_namespace_ != 0 && process.namespaces.pid != 0 &&
         process.namespaces.pid != host_pid_namespace_;
}

Node* Correlator::NewSession(process::Process& first, model::EntryKind kind) {
  Node* node = sessions_.Create(first, kind);
  node->session.kind = kind;
  if (kind == model::EntryKind::kContainer) {
    containers_[first.namespaces.pid] = node->session.id;
  }
  sessions_.Join(first, *node, now_boot_ns());
  // A child that has not yet run a program of its own is told once it has.
  if (first.executed) sessions_.Touch(*node);
  return node;
}

// Finds the session of a process whose fork was not seen.
void Correlator::Place(process::Process& process) {
  // Ancestors first, so that each finds its parent placed.
  std::vector<process::Process*> chain = {&process};
  while (chain.size() < kMaxChain) {
    process::Process* parent = processes_.Find(chain.back()->parent);
    if (parent == nullptr || !parent->session.empty() || parent == chain.back() ||
        parent->name.start_boot_ns > chain.back()->name.start_boot_ns) {
      break;
    }
    chain.push_back(parent);
  }
  for (auto it = chain.rbegin(); it != chain.rend(); ++it) {
    process::Process& p = **it;
    if (!p.session.empty()) continue;
    Node* node = nullptr;
    if (const auto saved = saved_members_.find(p.name); saved != saved_members_.end()) {
      node = sessions_.Find(saved->second);
      p.saved = node != nullptr;
    }
    process::Process* parent = processes_.Find(p.parent);
    if (node == nullptr && !p.label.empty() && p.label != p.name) {
      bool created = false;
      process::Process* head = processes_.EnsureNamed(p.label, &created);
      if (created) Place(*head);
      if (head != nullptr) node = NodeOf(*head);
    }
    if (node == nullptr && parent != nullptr && parent->name.tgid != 1) node = NodeOf(*parent);
    if (node == nullptr) node = sessions_.OfAuditSession(p.credentials.audit_session);
    if (node == nullptr && FirstInContainer(p)) {
      const auto found = containers_.find(p.namespaces.pid);
      if (found != containers_.end()) node = sessions_.Find(found->second);
    }
    if (node != nullptr) {
      const bool saved = p.saved;
      p.saved = false;
      sessions_.Join(p, *node, now_boot_ns());
      p.saved = saved;
    } else {
      NewSession(p,
                 FirstInContainer(p) ? model::EntryKind::kContainer : model::EntryKind::kService);
    }
    // The snapshot's own evidence: a connection that only the child of a listener holds.
    const auto held = held_.find(p.name);
    if (held == held_.end() || parent == nullptr || !parent->listens || p.listens) continue;
    const auto above = held_.find(parent->name);
    for (uint64_t socket : held->second) {
      Connection* connection = connections_.Find(socket);
      if (connection == nullptr || !connection->session.empty()) continue;
      if (above != held_.end() &&
          std::find(above->second.begin(), above->second.end(), socket) != above->second.end()) {
        continue;
      }
      if (!p.saved) OpenConnection(p, *connection, parent);
      break;
    }
  }
}

void Correlator::MoveSubtree(process::Process& head, Node& node) {
  const Node* from = NodeOf(head);
  sessions_.Join(head, node, now_boot_ns());
  if (from == nullptr || from == &node) return;
  std::vector<process::Process*> moving;
  for (const model::ProcessName& name : from->members) {
    process::Process* member = processes_.Find(name);
    process::Process* ancestor = member;
    for (size_t i = 0; ancestor != nullptr && ancestor != &head && i < 64; ++i) {
      ancestor = processes_.Find(ancestor->parent);
    }
    if (ancestor == &head) moving.push_back(member);
  }
  for (process::Process* member : moving) sessions_.Join(*member, node, now_boot_ns());
}

void Correlator::On(const decode::Header& header, const decode::Fork& fork) {
  process::Process* parent = Observe(header);
  if (parent == nullptr) return;
  bool created = false;
  process::Process* child = processes_.Fork(*parent, fork, &created);
  if (child == nullptr) return;
  if (process::Process* gone = processes_.Replaced(child->name); gone != nullptr) {
    End(*gone, header.boot_ns);
  }
  if (!created) return;
  parent->last_accepted = 0;
  Node* node = NodeOf(*parent);
  if (node == nullptr || parent->name.tgid == 1) {
    NewSession(*child, model::EntryKind::kService);
  } else {
    sessions_.Join(*child, *node, now_boot_ns());
  }
}

void Correlator::On(const decode::Header& header, const decode::Exec& exec) {
  process::Process* process = Observe(header);
  if (process == nullptr) return;
  const std::shared_ptr<const model::Image> before = process->image;
  processes_.SetImage(*process, exec.image);
  OnStreams(*process, exec);
  Node* node = NodeOf(*process);
  if (node == nullptr) return;
  if (node->session.first_process == process->name && !node->own_program) {
    node->own_program = true;
    node->session.program = exec.image.path;
    sessions_.Touch(*node);
  }
  if (node->remote()) {
    OnRemoteExec(*node, *process, exec);
  } else if (!node->told) {
    node->session.uid = process->credentials.euid;
    sessions_.Touch(*node);
  }
  const decode::Stream& input = exec.streams[0];
  if (input.kind == decode::StreamKind::kTerminal && node->session.terminal.empty() &&
      (node->session.logged_in || node->session.kind == model::EntryKind::kConsole)) {
    const uint32_t major = input.device >> 20;
    const uint32_t minor = input.device & 0xfffff;
    if (major >= 136 && major <= 143) {
      node->session.terminal = absl::StrCat("pts/", (major - 136) * 256 + minor);
    } else if (major == 4) {
      node->session.terminal =
          minor < 64 ? absl::StrCat("tty", minor) : absl::StrCat("ttyS", minor - 64);
    }
    if (!node->session.terminal.empty()) sessions_.Touch(*node);
  }
}

// The header of a change may still show what was before it.
void Correlator::On(const decode::Header& header, const decode::CredentialsChange& change) {
  decode::Header after = header;
  after.credentials = change.after.ids;
  Observe(after);
}

void Correlator::On(const decode::Header& header, const decode::NamespacesChange& change) {
  decode::Header after = header;
  after.namespaces.mount = change.after.mount;
  after.namespaces.network = change.after.network;
  after.namespaces.user = change.after.user;
  Observe(after);
}

void Correlator::On(const decode::Header& header, const decode::Exit&) {
  // An end alone tells nothing of a process that was never seen.
  if (process::Process* process = processes_.Find(header.process); process != nullptr) {
    End(*process, header.boot_ns);
  }
}

void Correlator::End(process::Process& process, uint64_t boot_ns) {
  if (!processes_.Exit(process, boot_ns)) return;
  Node* node = NodeOf(process);
  if (node == nullptr) return;
  // Its children have lost their way back to the session: what is to be remembered is so now.
  if (node->saved && process.living_children > 0) sessions_.SaveMembers(processes_);
  if (node->session.logged_in && process.name == node->login_process) EndLogin(*node, boot_ns);
  sessions_.Leave(process, boot_ns);
}

bool Correlator::InCronLineage(const process::Process& process) {
  const process::Process* ancestor = &process;
  for (int i = 0; ancestor != nullptr && i < 4; ++i) {
    if (IsCron(ancestor->program())) return true;
    ancestor = processes_.Find(ancestor->parent);
  }
  return false;
}

// Somebody logged in, by what the kernel knows.
void Correlator::OnAuditChange(process::Process& process) {
  Node* node = NodeOf(process);
  if (node == nullptr) return;
  const uint32_t audit_session = process.credentials.audit_session;
  if (!node->remote() && node->session.kind == model::EntryKind::kService) {
    Node* claimed = ClaimOffered(process);
    const process::Process* parent = processes_.Find(process.parent);
    // Set by the process itself: its parent does not have it.
    if (claimed == nullptr && !InCronLineage(process) && parent != nullptr &&
        parent->credentials.audit_session != audit_session) {
      claimed = OpenUnseen(process, nullptr);
    }
    if (claimed != nullptr) node = claimed;
  }
  if (node->remote() && audit_session != node->base_audit) {
    if (!node->session.logged_in) {
      LogIn(*node, process, /*tell_attempt=*/true);
      return;
    }
    if (node->session.audit_session == model::kNoLogin && !InCronLineage(process)) {
      sessions_.SetAuditSession(*node, process.credentials.login_uid, audit_session);
      if (!node->own_uid) {
        node->session.uid = process.credentials.login_uid;
        node->own_uid = true;
      }
      sessions_.Touch(*node);
      return;
    }
  }
  if (audit_session == node->session.audit_session) return;
  const process::Process* parent = processes_.Find(process.parent);
  // Inherited, not changed: the whole session has it.
  if (parent != nullptr && parent->credentials.audit_session == audit_session) return;
  if (InCronLineage(process)) {
    if (IsCron(process.program()) && parent != nullptr && !IsCron(parent->program())) return;
    const model::SessionId cause = node->from_remote ? node->session.id : model::SessionId();
    Node* job = NewSession(process, model::EntryKind::kCron);
    MoveSubtree(process, *job);
    job->session.caused_by = cause;
    job->from_remote = !cause.empty();
    job->session.uid = process.credentials.login_uid;
    job->session.user = users_.Name(process.credentials.login_uid, now_boot_ns());
    sessions_.SetAuditSession(*job, process.credentials.login_uid, audit_session);
    if (job->from_remote) sessions_.Save(*job);
    sessions_.Touch(*job);
    return;
  }
  if (node->session.kind != model::EntryKind::kService) return;  // su and the like
  const bool console = IsLogin(process.program());
  Node* login =
      NewSession(process, console ? model::EntryKind::kConsole : model::EntryKind::kService);
  MoveSubtree(process, *login);
  login->session.logged_in = console;
  login->login_process = process.name;
  login->session.uid = process.credentials.login_uid;
  login->session.user = users_.Name(process.credentials.login_uid, now_boot_ns());
  sessions_.SetAuditSession(*login, process.credentials.login_uid, audit_session);
  sessions_.Touch(*login);
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
