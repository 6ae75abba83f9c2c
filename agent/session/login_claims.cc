#include "agent/session/login_claims.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/strip.h"

#include "agent/session/dropbear_message.h"

namespace hoptrail::agent::session {
namespace {

model::IpAddress OriginOf(const std::string& remote_host) {
  const auto address = model::ParseIpAddress(remote_host);
  return address.ok() ? *address : model::IpAddress();
}

}  // namespace

void LoginClaims::OnPam(process::Process& process, const decode::Pam& pam) {
  Node* node = tables_.NodeOf(process);
  if (node == nullptr || !pam.verified) return;
  if (!node->remote()) {
    Node* claimed = entries_.ClaimPending(process);
    if (claimed == nullptr && !pam.remote_host.empty()) claimed = entries_.Infer(process, nullptr);
    if (claimed != nullptr) node = claimed;
  }
  if (node->remote() && (!node->session.logged_in || process.key == node->login_process)) {
    OnRemotePam(*node, process, pam);
  } else {
    OnLocalPam(*node, process, pam);
  }
}

void LoginClaims::OnRemotePam(Node& node, process::Process& process, const decode::Pam& pam) {
  model::Authentication& authentication = node.session.authentication;
  const bool success = pam.result == 0;
  if (pam.step == decode::PamStep::kCloseSession) {
    logins_.EndLogin(node, tables_.now_boot_ns);
    return;
  }
  if (pam.step == decode::PamStep::kAuthenticate && !success) {
    if (node.session.logged_in) return;
    model::LoginAttempt attempt;
    attempt.user = pam.user;
    attempt.service = pam.service;
    attempt.origin.address = OriginOf(pam.remote_host);
    // sshd checks a password itself, and runs a conversation in a process of its own.
    attempt.method = process.key == node.session.first_process
                         ? model::AuthMethod::kPassword
                         : model::AuthMethod::kKeyboardInteractive;
    logins_.AddAttempt(node, std::move(attempt));
    node.pam_failures.Add(tables_.now_boot_ns);
    return;
  }
  if (!success) return;
  const model::Authentication before = authentication;
  if (!pam.service.empty()) authentication.service = pam.service;
  if (!pam.remote_host.empty()) authentication.remote_host = pam.remote_host;
  // PAM may map user names, so sshd's user name replaces PAM's and is not replaced by it.
  if (!node.account_named && !pam.user.empty()) authentication.user = pam.user;
  authentication.verified = true;
  if (pam.step == decode::PamStep::kOpenSession && !node.session.logged_in) {
    logins_.LogIn(node, process, /*report_attempt=*/true);
  } else if (node.session.logged_in && authentication != before) {
    if (node.session.user.empty()) node.session.user = authentication.user;
    tables_.sessions.MarkDirty(node);
  }
}

void LoginClaims::OnLocalPam(Node& node, process::Process& process, const decode::Pam& pam) {
  switch (pam.step) {
    case decode::PamStep::kAuthenticate: {
      model::LoginAttempt attempt;
      attempt.user = pam.user;
      attempt.service = pam.service;
      attempt.origin.address = OriginOf(pam.remote_host);
      attempt.method = model::AuthMethod::kPassword;
      attempt.succeeded = pam.result == 0;
      logins_.AddLocalAttempt(node, std::move(attempt));
      return;
    }
    case decode::PamStep::kCloseSession:
      if (process.key == node.login_process) logins_.EndLogin(node, tables_.now_boot_ns);
      return;
    default:
      if (pam.result == 0 && !node.remote()) OpenLocal(node, process, pam);
  }
}

void LoginClaims::OpenLocal(Node& node, process::Process& process, const decode::Pam& pam) {
  const bool cron = pam.service == "cron" || pam.service == "crond" || pam.service == "atd";
  const bool console = pam.service == "login" || pam.service == "gdm-password" ||
                       pam.service == "lightdm" || pam.service == "sddm";
  if (!cron && !console) return;
  Node* target = &node;
  const bool begun = node.session.first_process == process.key;
  if (node.daemon() && !(cron && begun)) {
    const model::SessionId cause = node.from_remote ? node.session.id : model::SessionId();
    target =
        opener_.NewSession(process, cron ? model::EntryKind::kCron : model::EntryKind::kConsole);
    target->session.caused_by = cause;
    target->from_remote = !cause.empty();
  }
  target->login_process = process.key;
  target->session.user = pam.user;
  if (cron && !target->job_named) target->session.unit = pam.user;
  target->session.authentication.user = pam.user;
  target->session.authentication.service = pam.service;
  target->session.authentication.verified = true;
  if (console) target->BeginLogin();
  if (console && target->session.terminal.empty()) target->session.terminal = pam.terminal;
  tables_.sessions.MarkDirty(*target);
}

Node* LoginClaims::NodeOfServer(process::Process& process, const model::Endpoint* origin) {
  Node* node = tables_.NodeOf(process);
  if (node == nullptr) return nullptr;
  if (!node->remote()) {
    node = entries_.ClaimPending(process);
    if (node == nullptr) node = entries_.Infer(process, origin);
    if (node == nullptr) return nullptr;
  }
  // After the login only the process that opened it is believed, because the others run the user's
  // programs.
  const bool settled = node->session.logged_in &&
                       (process.key != node->login_process ||
                        node->session.authentication.method != model::AuthMethod::kUnknown);
  return settled ? nullptr : node;
}

void LoginClaims::OnSshdMessage(process::Process& process, const decode::SshdMessage& event) {
  using decode::LoginText;
  if (!event.verified) return;
  if (event.kind == LoginText::kDecision) {
    OnSshdDecision(process, event);
    return;
  }
  const bool dropbear = event.kind == LoginText::kDropbear;
  const std::optional<SshdMessage> message =
      dropbear ? ParseDropbearMessage(event.text)
               : ParseSshdMessage(absl::StripSuffix(event.text, "\r\n"));
  if (!message.has_value()) return;
  Node* node = NodeOfServer(process, &message->origin);
  if (node == nullptr) return;
  if (!node->session.entry.has_value()) entries_.Attach(*node, message->origin);
  // The kernel knows the client. A message with another one is forged or belongs to another
  // connection.
  const std::optional<model::Entry>& entry = node->session.entry;
  if (entry.has_value() && entry->flow.client != model::Endpoint{} &&
      entry->flow.client != message->origin) {
    return;
  }
  const std::string service = dropbear ? "dropbear" : "sshd";
  if (message->accepted) {
    OnAcceptance(*node, process, *message, service);
  } else {
    OnRefusal(*node, *message, service);
  }
}

void LoginClaims::OnSshdDecision(process::Process& process, const decode::SshdMessage& event) {
  const model::AuthMethod method = ParseSshMethod(event.text);
  Node* node = method != model::AuthMethod::kUnknown ? NodeOfServer(process, nullptr) : nullptr;
  if (node == nullptr) return;
  // It is not the login yet: a further method may be needed. So the last one counts.
  model::Authentication& authentication = node->session.authentication;
  authentication.method = method;
  const bool by_key = method == model::AuthMethod::kPublicKey && IsKeyType(event.key_type) &&
                      IsKeyFingerprint(event.key_fingerprint);
  authentication.key_type = by_key ? event.key_type : "";
  authentication.key_fingerprint = by_key ? event.key_fingerprint : "";
  authentication.certificate_id = by_key ? event.certificate_id : "";
  if (!authentication.certificate_id.empty())
    authentication.method = model::AuthMethod::kCertificate;
  authentication.verified = true;
  if (authentication.service.empty()) authentication.service = "sshd";
  if (node->session.logged_in) tables_.sessions.MarkDirty(*node);
}

void LoginClaims::OnRefusal(Node& node, const SshdMessage& message, const std::string& service) {
  // Clients begin by asking which methods there are, which is no attempt.
  if (message.method == model::AuthMethod::kNone) return;
  const bool by_pam = message.method == model::AuthMethod::kPassword ||
                      message.method == model::AuthMethod::kKeyboardInteractive;
  if (by_pam && node.pam_failures.TakeRepeated(tables_.now_boot_ns)) return;
  model::LoginAttempt attempt;
  attempt.user = message.user;
  attempt.service = service;
  attempt.origin = message.origin;
  attempt.method = message.method;
  logins_.AddAttempt(node, std::move(attempt));
}

void LoginClaims::OnAcceptance(Node& node, process::Process& process, const SshdMessage& message,
                               const std::string& service) {
  model::Authentication& authentication = node.session.authentication;
  authentication.method = message.method;
  node.account_named = true;
  logins_.SetAccount(node, process, message.user);
  authentication.key_type = message.key_type;
  authentication.key_fingerprint = message.key_fingerprint;
  authentication.certificate_id = message.certificate_id;
  authentication.verified = true;
  if (authentication.service.empty()) authentication.service = service;
  if (authentication.remote_host.empty()) {
    authentication.remote_host = model::ToString(message.origin.address);
  }
  if (!node.session.logged_in) {
    logins_.LogIn(node, process, /*report_attempt=*/true);
  } else {
    tables_.sessions.MarkDirty(node);
  }
}

}  // namespace hoptrail::agent::session
