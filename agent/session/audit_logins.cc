#include "agent/session/audit_logins.h"

#include "absl/strings/string_view.h"

#include "agent/session/program_names.h"

namespace hoptrail::agent::session {
namespace {

bool IsLoginProgram(absl::string_view program) {
  const absl::string_view name = BaseName(program);
  return name == "login" || name == "agetty" || name == "getty" || name == "gdm-session-worker" ||
         name == "lightdm" || name == "sddm-helper";
}

}  // namespace

Node* AuditLogins::SessionFor(process::Process& process) {
  Node* node = tables_.NodeOf(process);
  if (node == nullptr || !node->daemon()) return node;
  if (Node* claimed = entries_.ClaimPending(process); claimed != nullptr) return claimed;
  const process::Process* parent = tables_.processes.Find(process.parent);
  // The process has set the audit session itself if its parent does not have it.
  if (!assignment_.jobs().InCronLineage(process) && parent != nullptr &&
      parent->credentials.audit_session != process.credentials.audit_session) {
    if (Node* inferred = entries_.Infer(process, nullptr); inferred != nullptr) return inferred;
  }
  return node;
}

bool AuditLogins::SetRemoteLogin(Node& node, process::Process& process) {
  if (!node.session.logged_in) {
    logins_.LogIn(node, process, /*report_attempt=*/true);
    return true;
  }
  if (node.session.audit_session != model::kNoLogin || assignment_.jobs().InCronLineage(process)) {
    return false;
  }
  const model::Credentials& credentials = process.credentials;
  tables_.sessions.SetAuditSession(node, credentials.login_uid, credentials.audit_session);
  if (!node.own_uid) logins_.SetUid(node, process, credentials.login_uid);
  tables_.sessions.MarkDirty(node);
  return true;
}

void AuditLogins::OnChange(process::Process& process) {
  Node* node = SessionFor(process);
  if (node == nullptr) return;
  const uint32_t audit_session = process.credentials.audit_session;
  if (node->remote() && audit_session != node->base_audit && SetRemoteLogin(*node, process)) return;
  if (audit_session != node->session.audit_session) OpenLocal(*node, process);
}

void AuditLogins::OpenLocal(const Node& node, process::Process& process) {
  const uint32_t login_uid = process.credentials.login_uid;
  const uint32_t audit_session = process.credentials.audit_session;
  const process::Process* parent = tables_.processes.Find(process.parent);
  // Inherited, so that the whole session has it already.
  if (parent != nullptr && parent->credentials.audit_session == audit_session) return;
  if (assignment_.jobs().InCronLineage(process)) {
    if (IsCron(process.program()) && parent != nullptr && !IsCron(parent->program())) return;
    Node* job = assignment_.jobs().NewJob(process, login_uid);
    tables_.sessions.SetAuditSession(*job, login_uid, audit_session);
    return;
  }
  if (node.session.kind != model::EntryKind::kService) return;  // su and similar programs
  const bool console = IsLoginProgram(process.program());
  Node* login = assignment_.opener().NewSession(
      process, console ? model::EntryKind::kConsole : model::EntryKind::kService);
  if (console) login->BeginLogin();
  login->login_process = process.key;
  login->session.uid = login_uid;
  login->session.user = tables_.UserName(login_uid);
  tables_.sessions.SetAuditSession(*login, login_uid, audit_session);
  tables_.sessions.MarkDirty(*login);
}

}  // namespace hoptrail::agent::session
