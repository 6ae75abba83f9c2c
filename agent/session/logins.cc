#include "agent/session/logins.h"

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "agent/session/entries.h"
#include "agent/session/program_names.h"

namespace hoptrail::agent::session {
namespace {

bool InSystemDirectory(absl::string_view path) {
  for (absl::string_view directory : {"/usr/sbin/", "/sbin/", "/usr/lib/", "/usr/libexec/", "/lib/",
                                      "/usr/bin/", "/bin/", "/usr/lib64/"}) {
    if (absl::StartsWith(path, directory)) return true;
  }
  return false;
}

// A program that authenticates its clients before it runs anything for them. Its name only delays
// the login until PAM, the audit session or sshd's message shows one, or until it starts another
// program.
bool IsLoginServer(const model::Image& image, uint32_t uid) {
  if (uid != 0 || !InSystemDirectory(image.path)) return false;
  const absl::string_view name = BaseName(image.path);
  for (absl::string_view prefix :
       {"sshd", "dropbear", "in.telnetd", "telnetd", "in.rlogind", "rlogind", "in.rshd", "rshd"}) {
    if (name == prefix || absl::StartsWith(name, absl::StrCat(prefix, "-"))) return true;
  }
  return name == "login";
}

absl::string_view DirectoryOf(absl::string_view path) {
  return path.substr(0, path.size() - BaseName(path).size());
}

// The listener's own image, or a helper of its own: sshd starts sshd-session and sshd-auth. A
// helper that has given up root before, to read the bytes of an unauthenticated client, is one
// beside the listener.
bool SameProgram(const model::Image& listener, const model::Image& image, uint32_t uid) {
  if (listener.path == image.path) return true;
  return (uid == 0 || DirectoryOf(listener.path) == DirectoryOf(image.path)) &&
         listener.device == image.device &&
         absl::StartsWith(BaseName(image.path), absl::StrCat(BaseName(listener.path), "-"));
}

// A login server starts the user's shell as "-bash" for a dialogue, and as "bash -c COMMAND" to run
// a command. It starts its helpers by their own names.
bool IsUsersShell(const model::Image& image) {
  const std::vector<std::string>& arguments = image.arguments;
  return (!arguments.empty() && arguments[0].size() > 1 && arguments[0][0] == '-') ||
         (arguments.size() >= 3 && arguments[1] == "-c");
}

bool HasUsersInput(const decode::Exec& exec) {
  using decode::StreamKind;
  const StreamKind input = exec.streams[0].kind;
  return input == StreamKind::kTerminal || input == StreamKind::kUnix ||
         input == StreamKind::kPipe || IsAcceptedTcp(exec.streams[0]);
}

}  // namespace

void Logins::OnRemoteExec(Node& node, process::Process& process, const decode::Exec& exec,
                          bool first) {
  const uint32_t uid = process.credentials.euid;
  const bool own =
      IsLoginServer(exec.image, uid) ||
      (node.listener_image != nullptr && SameProgram(*node.listener_image, exec.image, uid));
  if (own) return;
  if (node.session.logged_in) {
    if (process.key != node.login_process) FindUser(node, process, exec, first);
    return;
  }
  using decode::StreamKind;
  const bool authenticates = IsServedByLoginServer(node, process);
  const StreamKind input = exec.streams[0].kind;
  bool attached = false;
  for (const decode::Stream& stream : exec.streams) attached = attached || IsAcceptedTcp(stream);
  attached = attached || input == StreamKind::kTerminal || input == StreamKind::kUnix;
  // The user's shell shows a login that neither PAM nor sshd's messages have shown.
  attached = attached || (authenticates && input == StreamKind::kPipe &&
                          exec.streams[1].kind == StreamKind::kPipe && IsUsersShell(exec.image));
  if (attached || (!authenticates && input == StreamKind::kPipe)) {
    if (!node.own_uid) SetUid(node, process, process.credentials.uid);
    const model::Authentication& authentication = node.session.authentication;
    LogIn(node, process,
          /*report_attempt=*/authentication.verified &&
              authentication.method != model::AuthMethod::kUnknown);
    if (authenticates) NoteMethod(node);
    return;
  }
  // A login server's helpers (AuthorizedKeysCommand, unix_chkpwd) use pipes to talk to it.
  if (authenticates && (input == StreamKind::kPipe || exec.streams[1].kind == StreamKind::kPipe)) {
    return;
  }
  Promote(node);
}

void Logins::FindUser(Node& node, process::Process& process, const decode::Exec& exec, bool first) {
  const bool shell = IsUsersShell(exec.image) && HasUsersInput(exec);
  if (shell && IsServedByLoginServer(node, process)) NoteMethod(node);
  if (!node.own_uid) {
    if (shell || !MayBeHelper(node, process)) SetUid(node, process, process.credentials.uid);
    return;
  }
  // A small login server that a super-server has started for the connection looks like the peer's
  // program, and runs as root. It shows its user later: its own child runs that user's shell. A
  // child of su does not count, because su is another program.
  const process::Process* parent = tables_.processes.Find(process.parent);
  const process::Process* head = tables_.processes.Find(node.session.first_process);
  if (!shell || !first || parent == nullptr || head == nullptr || head == &process) return;
  if (parent->program() != head->program() || exec.image.path == head->program()) return;
  NoteMethod(node);
  if (node.session.audit_session != model::kNoLogin) return;
  if (node.session.uid != 0 || process.credentials.uid == 0) return;
  SetUid(node, process, process.credentials.uid);
}

bool Logins::IsServedByLoginServer(const Node& node, const process::Process& process) const {
  if (node.listener_image != nullptr && IsLoginServer(*node.listener_image, 0)) return true;
  const process::Process* head = tables_.processes.Find(node.session.first_process);
  return head != nullptr && head->image != nullptr && head != &process &&
         IsLoginServer(*head->image, head->credentials.euid);
}

void Logins::NoteMethod(Node& node) {
  if (node.method_noted) return;
  node.method_noted = true;
  const process::Process* head = tables_.processes.Find(node.session.first_process);
  if (head == nullptr || head->image == nullptr) return;
  silent_servers_.OnLogin(head->program(),
                          node.session.authentication.method != model::AuthMethod::kUnknown);
}

bool Logins::MayBeHelper(const Node& node, const process::Process& process) {
  const std::string& account = node.session.authentication.user;
  return process.credentials.uid == 0 && !account.empty() && account != tables_.UserName(0);
}

void Logins::SetUid(Node& node, const process::Process& process, uint32_t uid) {
  node.own_uid = true;
  node.session.uid = uid;
  // A container has accounts of its own, which may give the uid another name.
  const std::string name = tables_.InContainer(process) ? std::string() : tables_.UserName(uid);
  node.session.user = name.empty() ? node.session.authentication.user : name;
  tables_.sessions.MarkDirty(node);
}

void Logins::SetAccount(Node& node, const process::Process& process, const std::string& account) {
  node.session.authentication.user = account;
  if (node.own_uid) {
    SetUid(node, process, node.session.uid);
  } else {
    node.session.user = account;
  }
}

void Logins::Promote(Node& node) {
  if (node.login < LoginState::kPromoted) node.login = LoginState::kPromoted;
  node.from_remote = true;
  NameByProcess(node);
  tables_.sessions.MarkDirty(node);
  tables_.sessions.Save(node);
  if (Connection* connection = tables_.connections.Find(node.entry_socket); connection != nullptr) {
    reporter_.Report(*connection);
  }
}

// Nobody has logged in: the session acts as the account that its service runs as. The host's
// accounts do not name a container's.
void Logins::NameByProcess(Node& node) {
  const process::Process* head = tables_.processes.Find(node.session.first_process);
  if (node.session.logged_in || !node.session.user.empty() || head == nullptr) return;
  node.session.uid = head->credentials.euid;
  const Node* listener = tables_.sessions.Find(node.listener);
  const bool contained =
      listener != nullptr && listener->session.kind == model::EntryKind::kContainer;
  if (!contained) node.session.user = tables_.UserName(head->credentials.euid);
}

void Logins::LogIn(Node& node, process::Process& process, bool report_attempt) {
  if (node.session.logged_in) return;
  model::Session& session = node.session;
  node.BeginLogin();
  node.login_process = session.first_process;
  const model::Credentials& credentials = process.credentials;
  if (credentials.audit_session != model::kNoLogin &&
      credentials.audit_session != node.base_audit) {
    tables_.sessions.SetAuditSession(node, credentials.login_uid, credentials.audit_session);
    SetUid(node, process, credentials.login_uid);
  }
  if (!node.own_uid || session.user.empty()) session.user = session.authentication.user;
  if (session.user.empty() && (node.own_uid || !report_attempt)) {
    session.user = tables_.UserName(node.own_uid ? session.uid : credentials.uid);
  }
  Promote(node);
  if (!report_attempt) return;
  model::LoginAttempt attempt;
  const std::string& account = session.authentication.user;
  attempt.user = account.empty() ? session.user : account;
  attempt.service = session.authentication.service;
  attempt.method = session.authentication.method;
  attempt.succeeded = true;
  AddAttempt(node, std::move(attempt));
}

void Logins::AddAttempt(Node& node, model::LoginAttempt attempt) {
  attempt.host = tables_.host;
  attempt.session = node.session.id;
  attempt.wall_ns = tables_.now_wall_ns();
  if (node.session.entry.has_value()) attempt.origin = node.session.entry->flow.client;
  // The session of `node` may never be reported. A detection then names the listener's, so that one
  // must be.
  Node* listener = tables_.sessions.Find(node.listener);
  Node& named = listener != nullptr ? *listener : node;
  if (named.pending()) {
    Promote(named);
  } else if (!named.reported) {
    tables_.sessions.MarkDirty(named);
  }
  attempts_.push_back({std::move(attempt), named.session.id});
}

void Logins::AddLocalAttempt(Node& node, model::LoginAttempt attempt) {
  attempt.host = tables_.host;
  attempt.session = node.session.id;
  attempt.wall_ns = tables_.now_wall_ns();
  if (!node.reported) tables_.sessions.MarkDirty(node);
  attempts_.push_back({std::move(attempt), node.session.id});
}

void Logins::EndLogin(Node& node, uint64_t boot_ns) {
  if (node.login != LoginState::kLoggedIn) return;
  node.login = LoginState::kEnded;
  node.session.login_ended_wall_ns = tables_.clock->WallFromBoot(boot_ns);
  tables_.sessions.MarkDirty(node);
}

}  // namespace hoptrail::agent::session
