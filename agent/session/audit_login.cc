// Logins as the kernel itself knows them: by the audit session.

#include "absl/strings/string_view.h"

#include "agent/session/correlator.h"
#include "agent/session/program_names.h"

namespace hoptrail::agent::session {
namespace {

bool IsLogin(absl::string_view program) {
  const absl::string_view name = BaseName(program);
  return name == "login" || name == "agetty" || name == "getty" || name == "gdm-session-worker" ||
         name == "lightdm" || name == "sddm-helper";
}

}  // namespace

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
  if (node->daemon()) {
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
    Node* job = NewJob(process, process.credentials.login_uid);
    sessions_.SetAuditSession(*job, process.credentials.login_uid, audit_session);
    return;
  }
  if (node->session.kind != model::EntryKind::kService) return;  // su and the like
  const bool console = IsLogin(process.program());
  Node* login =
      NewSession(process, console ? model::EntryKind::kConsole : model::EntryKind::kService);
  login->session.logged_in = console;
  login->login_process = process.name;
  login->session.uid = process.credentials.login_uid;
  login->session.user = users_.Name(process.credentials.login_uid, now_boot_ns());
  sessions_.SetAuditSession(*login, process.credentials.login_uid, audit_session);
  sessions_.Touch(*login);
}

}  // namespace hoptrail::agent::session
