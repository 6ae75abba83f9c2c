// What PAM and sshd say of logins: claims, believed only from processes that the kernel places in a
// connection or that run as root-owned programs.

#include "agent/session/logins.h"
#include "agent/session/sshd_message.h"

namespace hoptrail::agent::session {
namespace {

// sshd tells of a refused password after PAM has; one attempt is one attempt.
constexpr uint64_t kSameAttemptNs = 15'000'000'000;

model::IpAddress OriginOf(const std::string& remote_host) {
  const auto address = model::ParseIpAddress(remote_host);
  return address.ok() ? *address : model::IpAddress();
}

}  // namespace

void Logins::Attempt(Node& node, model::LoginAttempt attempt) {
  attempt.host = tables_.host;
  attempt.session = node.session.id;
  attempt.wall_ns = tables_.now_wall_ns();
  if (node.session.entry.has_value()) attempt.origin = node.session.entry->flow.client;
  // The session that the attempt is tied to must be known to others when it is all there is.
  Node* listener = tables_.sessions.Find(node.listener);
  Node& named = listener != nullptr ? *listener : node;
  if (named.pending()) {
    Promote(named);
  } else if (!named.reported) {
    tables_.sessions.MarkDirty(named);
  }
  attempts_.push_back({std::move(attempt), named.session.id});
}

void Logins::OnPam(process::Process& process, const decode::Pam& pam) {
  Node* node = tables_.NodeOf(process);
  if (node == nullptr || !pam.verified) return;
  if (!node->remote()) {
    Node* claimed = entries_.ClaimPending(process);
    if (claimed == nullptr && !pam.remote_host.empty()) claimed = entries_.Infer(process, nullptr);
    if (claimed != nullptr) node = claimed;
  }
  if (node->remote() && (!node->session.logged_in || process.name == node->login_process)) {
    OnRemotePam(*node, process, pam);
  } else {
    OnLocalPam(*node, process, pam);
  }
}

void Logins::OnRemotePam(Node& node, process::Process& process, const decode::Pam& pam) {
  model::Authentication& authentication = node.session.authentication;
  const bool success = pam.result == 0;
  if (pam.step == decode::PamStep::kCloseSession) {
    EndLogin(node, tables_.now_boot_ns);
    return;
  }
  if (pam.step == decode::PamStep::kAuthenticate && !success) {
    if (node.session.logged_in) return;
    model::LoginAttempt attempt;
    attempt.user = pam.user;
    attempt.service = pam.service;
    attempt.origin.address = OriginOf(pam.remote_host);
    // sshd asks for a password itself; a conversation runs in a process of its own.
    attempt.method = process.name == node.session.first_process
                         ? model::AuthMethod::kPassword
                         : model::AuthMethod::kKeyboardInteractive;
    Attempt(node, std::move(attempt));
    ++node.pam_failures;
    node.pam_failure_boot_ns = tables_.now_boot_ns;
    return;
  }
  if (!success) return;
  const model::Authentication before = authentication;
  if (!pam.service.empty()) authentication.service = pam.service;
  if (!pam.remote_host.empty()) authentication.remote_host = pam.remote_host;
  // The account is PAM's to say only until sshd has said it; PAM may map names.
  if (authentication.method == model::AuthMethod::kUnknown && !pam.user.empty()) {
    authentication.user = pam.user;
  }
  authentication.verified = true;
  if (pam.step == decode::PamStep::kOpenSession && !node.session.logged_in) {
    LogIn(node, process, /*report_attempt=*/true);
  } else if (node.session.logged_in && authentication != before) {
    if (node.session.user.empty()) node.session.user = authentication.user;
    tables_.sessions.MarkDirty(node);
  }
}

// su, sudo, cron, login at a terminal.
void Logins::OnLocalPam(Node& node, process::Process& process, const decode::Pam& pam) {
  if (pam.step == decode::PamStep::kAuthenticate) {
    model::LoginAttempt attempt;
    attempt.host = tables_.host;
    attempt.session = node.session.id;
    attempt.user = pam.user;
    attempt.service = pam.service;
    attempt.origin.address = OriginOf(pam.remote_host);
    attempt.method = model::AuthMethod::kPassword;
    attempt.succeeded = pam.result == 0;
    attempt.wall_ns = tables_.now_wall_ns();
    if (!node.reported) tables_.sessions.MarkDirty(node);
    attempts_.push_back({std::move(attempt), node.session.id});
    return;
  }
  if (pam.step == decode::PamStep::kCloseSession) {
    if (process.name == node.login_process) EndLogin(node, tables_.now_boot_ns);
    return;
  }
  if (pam.result != 0 || node.remote()) return;
  const bool cron = pam.service == "cron" || pam.service == "crond" || pam.service == "atd";
  const bool console = pam.service == "login" || pam.service == "gdm-password" ||
                       pam.service == "lightdm" || pam.service == "sddm";
  if (!cron && !console) return;
  Node* target = &node;
  const bool begun = node.session.first_process == process.name;
  if (node.daemon() && !(cron && begun)) {
    const model::SessionId cause = node.from_remote ? node.session.id : model::SessionId();
    target = assignment_.NewSession(process,
                                    cron ? model::EntryKind::kCron : model::EntryKind::kConsole);
    target->session.caused_by = cause;
    target->from_remote = !cause.empty();
  }
  target->login_process = process.name;
  target->session.user = pam.user;
  if (cron && !target->job_named) target->session.unit = pam.user;
  target->session.authentication.user = pam.user;
  target->session.authentication.service = pam.service;
  target->session.authentication.verified = true;
  if (console) target->BeginLogin();
  if (console && target->session.terminal.empty()) target->session.terminal = pam.terminal;
  tables_.sessions.MarkDirty(*target);
}

void Logins::OnSshdMessage(process::Process& process, const decode::SshdMessage& event) {
  if (!event.verified) return;
  const std::optional<SshdMessage> message = ParseSshdMessage(event.text);
  if (!message.has_value()) return;
  Node* node = tables_.NodeOf(process);
  if (node == nullptr) return;
  if (!node->remote()) {
    node = entries_.ClaimPending(process);
    if (node == nullptr) node = entries_.Infer(process, &message->origin);
    if (node == nullptr) return;
  }
  // After the login only the process that opened it is believed: others run the user's programs.
  if (node->session.logged_in &&
      (process.name != node->login_process ||
       node->session.authentication.method != model::AuthMethod::kUnknown)) {
    return;
  }
  if (!node->session.entry.has_value()) entries_.Attach(*node, message->origin);
  // The kernel knows who is there; a line that says otherwise was forged or is another's.
  const std::optional<model::Entry>& entry = node->session.entry;
  if (entry.has_value() && entry->flow.client != model::Endpoint{} &&
      entry->flow.client != message->origin) {
    return;
  }
  if (!message->accepted) {
    // Clients begin by asking which methods there are: no attempt.
    if (message->method == model::AuthMethod::kNone) return;
    const bool by_pam = message->method == model::AuthMethod::kPassword ||
                        message->method == model::AuthMethod::kKeyboardInteractive;
    if (by_pam && node->pam_failures > 0 &&
        tables_.now_boot_ns < node->pam_failure_boot_ns + kSameAttemptNs) {
      --node->pam_failures;
      return;
    }
    model::LoginAttempt attempt;
    attempt.user = message->user;
    attempt.service = "sshd";
    attempt.origin = message->origin;
    attempt.method = message->method;
    Attempt(*node, std::move(attempt));
    return;
  }
  model::Authentication& authentication = node->session.authentication;
  authentication.method = message->method;
  authentication.user = message->user;
  authentication.key_type = message->key_type;
  authentication.key_fingerprint = message->key_fingerprint;
  authentication.certificate_id = message->certificate_id;
  authentication.verified = true;
  if (authentication.service.empty()) authentication.service = "sshd";
  if (authentication.remote_host.empty()) {
    authentication.remote_host = model::ToString(message->origin.address);
  }
  if (!node->session.logged_in) {
    LogIn(*node, process, /*report_attempt=*/true);
  } else {
    node->session.user = message->user;
    tables_.sessions.MarkDirty(*node);
  }
}

}  // namespace hoptrail::agent::session
