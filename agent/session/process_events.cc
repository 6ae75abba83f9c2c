// Processes from fork to exit.

#include <memory>

#include "absl/strings/str_cat.h"

#include "agent/session/correlator.h"
#include "agent/session/program_names.h"

namespace hoptrail::agent::session {
namespace {

// How often a session's first process may become another program and be told anew.
constexpr uint32_t kMaxPrograms = 8;

}  // namespace

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

// The process runs a program of its own.
void Correlator::Run(process::Process& process, const model::Image& image, uint64_t boot_ns) {
  processes_.SetImage(process, image, boot_ns);
  Node* node = NodeOf(process);
  if (node == nullptr || node->session.first_process != process.name) return;
  // Such a session is what its first process has become in the end: services and containers begin
  // with scripts and with programs that change the user.
  const bool becomes = IsProgram(*node) && node->programs < kMaxPrograms &&
                       (node->session.program != image.path || node->session.unit.empty());
  if ((node->own_program && !becomes) || IsManagersHelper(process)) return;
  node->own_program = true;
  ++node->programs;
  node->session.program = image.path;
  Describe(*node, process);
  sessions_.Touch(*node);
}

void Correlator::On(const decode::Header& header, const decode::Exec& exec) {
  process::Process* process = Observe(header);
  if (process == nullptr) return;
  processes_.SetControlGroups(*process, exec.cgroups);
  Run(*process, exec.image, header.boot_ns);
  process->exec_missed = false;
  FollowContainer(*process);
  FindJob(*process);
  OnStreams(*process, exec);
  Node* node = NodeOf(*process);
  if (node == nullptr) return;
  if (node->remote()) {
    OnRemoteExec(*node, *process, exec);
  } else if (!node->told && !IsManagersHelper(*process)) {
    if (!node->own_program) node->session.uid = process->credentials.euid;
    sessions_.Touch(*node);
  }
  NameJob(*node, exec.image);
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

}  // namespace hoptrail::agent::session
