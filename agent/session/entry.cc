// Connections that bring someone in: how they find their first process, and when they count as a
// login.

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "agent/session/correlator.h"
#include "agent/session/program_names.h"

namespace hoptrail::agent::session {
namespace {

constexpr uint64_t kFreshNs = 10'000'000'000;

bool InSystemDirectory(absl::string_view path) {
  for (absl::string_view directory : {"/usr/sbin/", "/sbin/", "/usr/lib/", "/usr/libexec/", "/lib/",
                                      "/usr/bin/", "/bin/", "/usr/lib64/"}) {
    if (absl::StartsWith(path, directory)) return true;
  }
  return false;
}

// A program that asks who is there before it lets anyone do anything. Its name only delays the
// login until PAM, the audit session or its own words tell; whatever else it starts counts.
bool IsLoginServer(const model::Image& image, uint32_t uid) {
  if (uid != 0 || !InSystemDirectory(image.path)) return false;
  const absl::string_view name = BaseName(image.path);
  for (absl::string_view prefix :
       {"sshd", "dropbear", "in.telnetd", "telnetd", "in.rlogind", "rlogind", "in.rshd", "rshd"}) {
    if (name == prefix || absl::StartsWith(name, absl::StrCat(prefix, "-"))) return true;
  }
  return name == "login";
}

// The listener's own image, or a helper that it brings along: sshd → sshd-session, sshd-auth.
bool SameProgram(const model::Image& listener, const model::Image& image, uint32_t uid) {
  if (listener.path == image.path) return true;
  return uid == 0 && listener.device == image.device &&
         absl::StartsWith(BaseName(image.path), absl::StrCat(BaseName(listener.path), "-"));
}

// As a login server starts the user's shell: "-bash" to talk to, "bash -c COMMAND" to run one.
// Its helpers are started by their own names.
bool IsUsersShell(const model::Image& image) {
  const std::vector<std::string>& arguments = image.arguments;
  return (!arguments.empty() && arguments[0].size() > 1 && arguments[0][0] == '-') ||
         (arguments.size() >= 3 && arguments[1] == "-c");
}

bool IsAcceptedTcp(const decode::Stream& stream) {
  return stream.kind == decode::StreamKind::kTcp && stream.accepted;
}

}  // namespace

process::Process* Correlator::ConnectionHead(process::Process& process,
                                             const Connection& connection, uint64_t boot_ns) {
  for (process::Process* head : {&process, processes_.Find(process.label)}) {
    if (head == nullptr || !head->alive() || head->listens) continue;
    const process::Process* listener = processes_.Find(head->parent);
    if (listener == nullptr || !listener->listens) continue;
    const Node* node = NodeOf(*head);
    // One whose login showed before its connection has no entry yet: this is it.
    if (node != nullptr && node->remote() && node->session.first_process == head->name &&
        node->session.entry.has_value()) {
      continue;
    }
    // A worker that was there before the connection serves many: it is no one's session.
    const bool for_it = connection.established_boot_ns != 0
                            ? head->name.start_boot_ns >= connection.established_boot_ns
                            : head->name.start_boot_ns + kFreshNs >= boot_ns;
    if (for_it) return head;
  }
  return nullptr;
}

// Whose session the connection came in through: the one that its head leaves, or the listener's
// where the head had begun its own, because its fork was lost or came late.
void Correlator::NoteListener(Node& node, const model::SessionId& left,
                              const process::Process* listener) {
  if (left != node.session.id) {
    node.listener = left;
  } else if (node.listener.empty() && listener != nullptr && listener->session != left) {
    node.listener = listener->session;
  }
}

// Also what had been taken for a service: whose that was says nothing of who comes in.
Node* Correlator::NewRemote(const process::Process& head) {
  Node* node = sessions_.Create(head, model::EntryKind::kRemote);
  if (!node->remote()) {
    node->session.user.clear();
    node->session.unit.clear();
  }
  node->session.kind = model::EntryKind::kRemote;
  node->from_remote = true;
  return node;
}

Node* Correlator::OpenConnection(process::Process& head, Connection& connection,
                                 process::Process* listener) {
  const model::SessionId before = head.session;
  const bool from_remote = [&] {
    const Node* node = NodeOf(head);
    return node != nullptr && node->from_remote;
  }();
  Node* node = NewRemote(head);
  // The login may have shown before the connection did.
  node->pending = !node->told && !node->session.logged_in;
  node->entry_socket = connection.socket;
  node->session.entry = model::Entry{
      connection.hop_name, connection.flow,
      connection.established_boot_ns != 0 ? connection.established_boot_ns : now_boot_ns()};
  NoteListener(*node, before, listener);
  // A listener that a remote session left behind opens entries of their own; a process that was
  // handed a connection otherwise was caused by the session it came from.
  if (before != node->session.id && listener == nullptr && from_remote) {
    node->session.caused_by = before;
  }
  if (listener != nullptr) {
    node->base_audit = listener->credentials.audit_session;
    node->listener_image = listener->image;
    if (listener->last_accepted == connection.socket) listener->last_accepted = 0;
  } else {
    node->base_audit = head.credentials.audit_session;
  }
  head.offered = 0;
  connection.session = node->session.id;
  connection.opened_session = true;
  Own(connection, head);
  MoveSubtree(head, *node);
  if (Watched(connection.flow.server.port)) ReportLater(connection);
  return node;
}

// Where accept was seen in the listener and the child execs nothing: the child speaks for itself.
Node* Correlator::ClaimOffered(process::Process& process) {
  process::Process* head = &process;
  for (int i = 0; head != nullptr && i < 8; ++i) {
    Connection* connection = connections_.Find(head->offered);
    process::Process* listener = processes_.Find(head->parent);
    if (connection != nullptr && !connection->opened_session && listener != nullptr &&
        listener->listens && !head->listens && listener->program() == head->program()) {
      return OpenConnection(*head, *connection, listener);
    }
    // What a server runs (a script that calls sudo) is not the server asking who is there.
    if (listener == nullptr || listener->program() != head->program()) return nullptr;
    head = listener;
  }
  return nullptr;
}

// The accepted connection from that very address and port which opened no session yet. Looks at
// all: only for when records were lost.
Connection* Correlator::UnclaimedFrom(const model::Endpoint& client) {
  Connection* found = nullptr;
  connections_.ForEach([&](Connection& connection) {
    if (connection.side == model::HopSide::kServer && !connection.opened_session &&
        connection.flow.client == client) {
      found = &connection;
    }
  });
  return found;
}

void Correlator::AttachEntry(Node& node, const model::Endpoint& client) {
  process::Process* head = processes_.Find(node.session.first_process);
  Connection* connection = UnclaimedFrom(client);
  if (head == nullptr || connection == nullptr) return;
  CountEdge(*connection);
  OpenConnection(*head, *connection, processes_.Find(head->parent));
  if (!node.pending) Report(*connection);
}

// Records of how the connection was handed over were lost or come late: the process, or the one
// that the kernel says it came through, was forked by a listener all the same.
Node* Correlator::OpenUnseen(process::Process& process, const model::Endpoint* client) {
  for (process::Process* head : {&process, processes_.Find(process.label)}) {
    if (head == nullptr || !head->alive() || head->listens) continue;
    process::Process* listener = processes_.Find(head->parent);
    if (listener == nullptr || !listener->listens || listener->name.tgid == 1) continue;
    Connection* found = client == nullptr ? nullptr : UnclaimedFrom(*client);
    if (found != nullptr) return OpenConnection(*head, *found, listener);
    const model::SessionId before = head->session;
    Node* node = NewRemote(*head);
    node->pending = !node->told;
    node->base_audit = listener->credentials.audit_session;
    node->listener_image = listener->image;
    NoteListener(*node, before, listener);
    MoveSubtree(*head, *node);
    return node;
  }
  return nullptr;
}

// The process turned out to serve many connections.
void Correlator::ReturnToListener(Node& node) {
  Node* service = sessions_.Find(node.listener);
  if (service == nullptr) return;
  if (Connection* connection = connections_.Find(node.entry_socket); connection != nullptr) {
    connection->session = service->session.id;
    connection->opened_session = false;
  }
  const std::vector<model::ProcessName> members(node.members.begin(), node.members.end());
  for (const model::ProcessName& name : members) {
    if (process::Process* member = processes_.Find(name); member != nullptr) {
      sessions_.Join(*member, *service, now_boot_ns());
    }
  }
}

void Correlator::OnStreams(process::Process& process, const decode::Exec& exec) {
  for (const decode::Stream& stream : exec.streams) {
    if (!IsAcceptedTcp(stream)) continue;
    Connection* connection =
        connections_.Ensure(stream.socket, model::HopSide::kServer, stream.flow);
    if (connection == nullptr) continue;
    if (connection->hop_name.empty()) connection->hop_name = stream.hop_name;
    if (connection->opened_session) continue;
    const Node* node = NodeOf(process);
    if (node != nullptr && node->entry_socket == stream.socket) continue;
    process::Process* parent = processes_.Find(process.parent);
    const bool forked_for_it = parent != nullptr && parent->listens && !process.listens;
    CountEdge(*connection);
    OpenConnection(process, *connection, forked_for_it ? parent : nullptr);
    return;
  }
}

void Correlator::OnRemoteExec(Node& node, process::Process& process, const decode::Exec& exec) {
  const uint32_t uid = process.credentials.euid;
  const bool own =
      IsLoginServer(exec.image, uid) ||
      (node.listener_image != nullptr && SameProgram(*node.listener_image, exec.image, uid));
  if (own) return;
  if (node.session.logged_in) {
    if (!node.own_uid && process.name != node.login_process) {
      node.own_uid = true;
      node.session.uid = process.credentials.uid;
      if (node.session.user.empty()) {
        node.session.user = users_.Name(node.session.uid, now_boot_ns());
      }
      sessions_.Touch(node);
    }
    return;
  }
  using decode::StreamKind;
  const process::Process* head = processes_.Find(node.session.first_process);
  const bool asks_first =
      (node.listener_image != nullptr && IsLoginServer(*node.listener_image, 0)) ||
      (head != nullptr && head->image != nullptr && head != &process &&
       IsLoginServer(*head->image, head->credentials.euid));
  const StreamKind input = exec.streams[0].kind;
  bool attached = false;
  for (const decode::Stream& stream : exec.streams) attached = attached || IsAcceptedTcp(stream);
  attached = attached || input == StreamKind::kTerminal || input == StreamKind::kUnix;
  // Where neither PAM nor sshd's messages tell of the login.
  attached = attached || (asks_first && input == StreamKind::kPipe &&
                          exec.streams[1].kind == StreamKind::kPipe && IsUsersShell(exec.image));
  if (attached || (!asks_first && input == StreamKind::kPipe)) {
    LogIn(node, process, /*tell_attempt=*/false);
    if (!node.own_uid) {
      node.own_uid = true;
      node.session.uid = process.credentials.uid;
    }
    return;
  }
  // A login server's helpers (AuthorizedKeysCommand, unix_chkpwd) talk to it by pipes.
  if (asks_first && (input == StreamKind::kPipe || exec.streams[1].kind == StreamKind::kPipe)) {
    return;
  }
  Reveal(node);
}

// From now on the connection is a session that others hear of.
void Correlator::Reveal(Node& node) {
  node.pending = false;
  node.from_remote = true;
  sessions_.Touch(node);
  sessions_.Save(node);
  if (Connection* connection = connections_.Find(node.entry_socket); connection != nullptr) {
    Report(*connection);
  }
}

void Correlator::LogIn(Node& node, process::Process& process, bool tell_attempt) {
  if (node.session.logged_in) return;
  model::Session& session = node.session;
  session.logged_in = true;
  node.login_process = session.first_process;
  const model::Credentials& credentials = process.credentials;
  if (credentials.audit_session != model::kNoLogin &&
      credentials.audit_session != node.base_audit) {
    sessions_.SetAuditSession(node, credentials.login_uid, credentials.audit_session);
    session.uid = credentials.login_uid;
    node.own_uid = true;
  }
  session.user = session.authentication.user;
  if (session.user.empty() && (node.own_uid || !tell_attempt)) {
    session.user = users_.Name(node.own_uid ? session.uid : credentials.uid, now_boot_ns());
  }
  Reveal(node);
  if (!tell_attempt) return;
  model::LoginAttempt attempt;
  attempt.user = session.user;
  attempt.service = session.authentication.service;
  attempt.method = session.authentication.method;
  attempt.succeeded = true;
  Attempt(node, std::move(attempt));
}

void Correlator::EndLogin(Node& node, uint64_t boot_ns) {
  if (!node.session.logged_in || node.session.login_ended_wall_ns != 0) return;
  node.session.login_ended_wall_ns = options_.clock->WallFromBoot(boot_ns);
  sessions_.Touch(node);
}

}  // namespace hoptrail::agent::session
