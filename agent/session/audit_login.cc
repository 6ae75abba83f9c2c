// Logins as the kernel itself knows them: by the audit session.

#include "absl/strings/string_view.h"

#include "agent/session/logins.h"
#include "agent/session/program_names.h"

namespace hoptrail::agent::session {
namespace {

bool IsLogin(absl::string_view program) {
  const absl::string_view name = BaseName(program);
  return name == "login" || name == "agetty" || name == "getty" || name == "gdm-session-worker" ||
         name == "lightdm" || name == "sddm-helper";
}

}  // namespace

// Somebody logged in, by what the kernel knows.
void Logins::OnAuditChange(process::Process& process) {
  Node* node = tables_.NodeOf(process);
  if (node == nullptr) return;
  const uint32_t audit_session = process.credentials.audit_session;
  if (node->daemon()) {
    Node* claimed = entries_.ClaimPending(process);
    const process::Process* parent = tables_.processes.Find(process.parent);
    // Set by the process itself: its parent does not have it.
    if (claimed == nullptr && !assignment_.InCronLineage(process) && parent != nullptr &&
        parent->credentials.audit_session != audit_session) {
      claimed = entries_.Infer(process, nullptr);
    }
    if (claimed != nullptr) node = claimed;
  }
  if (node->remote() && audit_session != node->base_audit) {
    if (!node->session.logged_in) {
      LogIn(*node, process, /*report_attempt=*/true);
      return;
    }
    if (node->session.audit_session == model::kNoLogin && !assignment_.InCronLineage(process)) {
      tables_.sessions.SetAuditSession(*node, process.credentials.login_uid, audit_session);
      if (!node->own_uid) {
        node->session.uid = process.credentials.login_uid;
        node->own_uid = true;
      }
      tables_.sessions.MarkDirty(*node);
      return;
    }
  }
  if (audit_session == node->session.audit_session) return;
  const process::Process* parent = tables_.processes.Find(process.parent);
  // Inherited, not changed: the whole session has it.
  if (parent != nullptr && parent->credentials.audit_session == audit_session) return;
  if (assignment_.InCronLineage(process)) {
    if (IsCron(process.program()) && parent != nullptr && !IsCron(parent->program())) return;
    Node* job = assignment_.NewJob(process, process.credentials.login_uid);
    tables_.sessions.SetAuditSession(*job, process.credentials.login_uid, audit_session);
    return;
  }
  if (node->session.kind != model::EntryKind::kService) return;  // su and the like
  const bool console = IsLogin(process.program());
  Node* login = assignment_.NewSession(
      process, console ? model::EntryKind::kConsole : model::EntryKind::kService);
  if (console) login->BeginLogin();
  login->login_process = process.name;
  login->session.uid = process.credentials.login_uid;
  login->session.user = tables_.UserName(process.credentials.login_uid);
  tables_.sessions.SetAuditSession(*login, process.credentials.login_uid, audit_session);
  tables_.sessions.MarkDirty(*login);
}

}  // namespace hoptrail::agent::session
