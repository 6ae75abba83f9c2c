#include "agent/session/process_intake.h"

#include "absl/strings/str_cat.h"

#include "agent/session/program_names.h"

namespace hoptrail::agent::session {
namespace {

// How many programs a session's first process may execute that are each reported.
constexpr uint32_t kMaxPrograms = 8;

}  // namespace

process::Process* ProcessIntake::Upsert(const decode::Header& header) {
  bool created = false;
  process::Process* process = tables_.processes.Upsert(header, &created);
  if (process == nullptr) return nullptr;
  if (process::Process* replaced = tables_.processes.FindReplaced(process->key);
      replaced != nullptr) {
    EndWithLostExit(*replaced, header.boot_ns);
  }
  return process;
}

process::Process* ProcessIntake::Update(const decode::Header& header) {
  process::Process* process = tables_.processes.Find(header.process);
  const uint32_t before = process == nullptr ? model::kNoLogin : process->credentials.audit_session;
  const bool known = process != nullptr && !process->session.empty();
  const bool had_own_events = process != nullptr && process->own_events;
  process = Upsert(header);
  if (process == nullptr) return nullptr;
  if (tables_.processes.in_snapshot() && !known) {
    // Assigned when the snapshot is complete. A process whose parent has a session is assigned now,
    // because it may have ended by then.
    const process::Process* parent = tables_.processes.Find(process->parent);
    if (parent == nullptr || parent->session.empty()) return process;
  }
  if (!known) Assign(*process);
  const uint32_t after = process->credentials.audit_session;
  if (after != model::kNoLogin && (!known || after != before) && process->alive()) {
    audit_logins_.OnChange(*process);
  }
  // The first header of its own shows its pid namespace; its fork showed its parent's.
  if (known && !had_own_events) assignment_.containers().Follow(*process);
  return process;
}

void ProcessIntake::Assign(process::Process& process) {
  for (process::Process* each : assignment_.UnassignedChain(process)) {
    if (!each->session.empty()) continue;
    assignment_.Assign(*each);
    entries_.OpenHeld(*each);
  }
}

void ProcessIntake::OnFork(const decode::Header& header, const decode::Fork& fork) {
  process::Process* parent = Update(header);
  if (parent == nullptr) return;
  bool created = false;
  process::Process* child = tables_.processes.Fork(*parent, fork, &created);
  if (child == nullptr) return;
  if (process::Process* replaced = tables_.processes.FindReplaced(child->key);
      replaced != nullptr) {
    EndWithLostExit(*replaced, header.boot_ns);
  }
  if (!created) return;
  tables_.drivers.OnFork(*parent, *child, tables_.now_boot_ns);
  parent->last_accepted = 0;
  Node* node = tables_.NodeOf(*parent);
  if (node == nullptr || parent->key.tgid == 1) {
    assignment_.opener().NewSession(*child, model::EntryKind::kService);
  } else {
    tables_.sessions.Join(*child, *node, tables_.now_boot_ns);
  }
}

void ProcessIntake::SetImage(process::Process& process, const model::Image& image,
                             uint64_t boot_ns) {
  tables_.processes.SetImage(process, image, boot_ns);
  Node* node = tables_.NodeOf(process);
  if (node == nullptr || node->named_by != process.key) return;
  // Services and containers begin with scripts and with programs that change the user, so the last
  // program that this process executes names the session.
  const bool becomes = SessionNaming::IsProgram(*node) && node->programs < kMaxPrograms &&
                       (node->session.program != image.path || node->session.unit.empty());
  if ((node->own_program && !becomes) || IsManagersHelper(process)) return;
  node->own_program = true;
  ++node->programs;
  node->session.program = image.path;
  assignment_.naming().Describe(*node, process);
  tables_.sessions.MarkDirty(*node);
}

void ProcessIntake::OnExec(const decode::Header& header, const decode::Exec& exec) {
  process::Process* process = Update(header);
  if (process == nullptr) return;
  tables_.processes.SetControlGroups(*process, exec.cgroups);
  const bool first = !process->executed;
  SetImage(*process, exec.image, header.boot_ns);
  process->exec_missed = false;
  assignment_.containers().Follow(*process);
  assignment_.jobs().FindJob(*process);
  entries_.OpenFromStreams(*process, exec);
  FindCommands(*process, exec);
  Node* node = tables_.NodeOf(*process);
  if (node == nullptr) return;
  if (node->remote()) {
    logins_.OnRemoteExec(*node, *process, exec, first);
  } else if (!node->reported && !IsManagersHelper(*process)) {
    if (!node->own_program) node->session.uid = process->credentials.euid;
    tables_.sessions.MarkDirty(*node);
  }
  assignment_.naming().NameJob(*node, exec.image);
  SetTerminal(*node, exec.streams[0]);
}

void ProcessIntake::SetTerminal(Node& node, const decode::Stream& input) {
  model::Session& session = node.session;
  if (input.kind != decode::StreamKind::kTerminal || !session.terminal.empty() ||
      (!session.logged_in && session.kind != model::EntryKind::kConsole)) {
    return;
  }
  const uint32_t major = input.device >> 20;
  const uint32_t minor = input.device & 0xfffff;
  if (major >= 136 && major <= 143) {
    session.terminal = absl::StrCat("pts/", (major - 136) * 256 + minor);
  } else if (major == 4) {
    session.terminal = minor < 64 ? absl::StrCat("tty", minor) : absl::StrCat("ttyS", minor - 64);
  }
  if (!session.terminal.empty()) tables_.sessions.MarkDirty(node);
}

// A program whose standard input is a connection that this host has made does what the other end
// says. Whatever connection is behind a new program, it has driven its session.
void ProcessIntake::FindCommands(process::Process& process, const decode::Exec& exec) {
  const decode::Stream& input = exec.streams[0];
  if (input.kind == decode::StreamKind::kTcp && !input.accepted) {
    const Connection* connection = tables_.connections.Find(input.socket);
    if (connection != nullptr) tables_.drivers.OnCommanded(process, *connection);
  }
  if (process.drivers != nullptr) reporter_.NoteDrives(*process.drivers);
}

// The header of the record may still show the state before the change.
void ProcessIntake::OnCredentials(const decode::Header& header,
                                  const decode::CredentialsChange& change) {
  decode::Header after = header;
  after.credentials = change.after.ids;
  Update(after);
}

void ProcessIntake::OnNamespaces(const decode::Header& header,
                                 const decode::NamespacesChange& change) {
  decode::Header after = header;
  after.namespaces.mount = change.after.mount;
  after.namespaces.network = change.after.network;
  after.namespaces.user = change.after.user;
  Update(after);
}

void ProcessIntake::OnExit(const decode::Header& header) {
  // An exit alone does not insert a process.
  if (process::Process* process = tables_.processes.Find(header.process); process != nullptr) {
    End(*process, header.boot_ns);
  }
}

void ProcessIntake::EndWithLostExit(process::Process& process, uint64_t boot_ns) {
  if (process.alive()) tables_.emitter.AddLostExit(process.key);
  End(process, boot_ns);
}

void ProcessIntake::End(process::Process& process, uint64_t boot_ns) {
  if (!tables_.processes.Exit(process, boot_ns)) return;
  Node* node = tables_.NodeOf(process);
  if (node == nullptr) return;
  // After a restart its children could not be traced to the session any more: they are saved now.
  if (node->saved && process.living_children > 0) tables_.sessions.SaveMembers(tables_.processes);
  if (node->session.logged_in && process.key == node->login_process)
    logins_.EndLogin(*node, boot_ns);
  assignment_.naming().PassOn(*node, process);
  tables_.sessions.Leave(process, boot_ns);
}

}  // namespace hoptrail::agent::session
