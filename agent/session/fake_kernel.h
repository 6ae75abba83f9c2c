#ifndef HOPTRAIL_AGENT_SESSION_FAKE_KERNEL_H_
#define HOPTRAIL_AGENT_SESSION_FAKE_KERNEL_H_

// For tests: a kernel in which processes fork, exec, listen, accept and connect, and whose events
// go wherever the test says. Labels are carried as the real one does.

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/decode/event.h"
#include "core/base/clock.h"
#include "core/model/net.h"

namespace hoptrail::agent::session {

class FakeKernel {
 public:
  using Name = model::ProcessKey;

  struct Proc {
    Name name, parent, tag;
    model::Credentials credentials;
    model::Namespaces namespaces{.pid = 100, .mount = 1, .network = 1, .user = 1};
    std::string path;
    decode::ControlGroups cgroups;
    uint64_t cgroup_id = 1;
    std::string command;
    std::set<uint64_t> sockets;
    bool listens = false;
  };

  explicit FakeKernel(FakeClock* clock) : clock_(clock) {
    Proc init;
    init.name = {1, 1};
    init.path = "/usr/lib/systemd/systemd";
    procs_[init.name] = init;
  }

  std::function<void(const decode::Event&)> out;
  bool lose_forks = false;

  Name init() const { return {1, 1}; }
  Proc& at(Name name) { return procs_.at(name); }
  bool alive(Name name) const { return procs_.count(name) != 0; }

  static model::Endpoint Address(const std::string& address, uint16_t port) {
    return {*model::ParseIpAddress(address), port};
  }

  Name Fork(Name parent, uint32_t tgid = 0) {
    Tick();
    Proc child = at(parent);
    child.name = {tgid != 0 ? tgid : next_tgid_++, clock_->BootNs()};
    child.parent = parent;
    child.listens = false;
    if (at(parent).listens) child.tag = child.name;
    procs_[child.name] = child;
    if (!lose_forks) Send(parent, decode::Fork{child.name, child.tag});
    return child.name;
  }

  void Exec(Name name, const std::string& path, std::array<decode::Stream, 3> streams = Null(),
            std::vector<std::string> arguments = {}) {
    at(name).path = path;
    decode::Exec exec;
    exec.image.path = path;
    exec.image.arguments = std::move(arguments);
    exec.streams = streams;
    const Proc& proc = at(name);
    const auto parent = procs_.find(proc.parent);
    if (parent != procs_.end() && parent->second.cgroups != proc.cgroups) {
      exec.cgroups = proc.cgroups;
    }
    Send(name, exec);
  }

  void Exit(Name name) {
    Send(name, decode::Exit{});
    procs_.erase(name);
    for (auto& [other, proc] : procs_) {
      if (proc.parent == name) proc.parent = init();
    }
  }

  void Listen(Name name, uint16_t port = 22) {
    at(name).listens = true;
    decode::Tcp tcp;
    tcp.phase = decode::TcpPhase::kListen;
    tcp.socket = next_socket_++;
    tcp.flow.server = Address("192.0.2.1", port);
    listening_[tcp.socket] = tcp.flow;
    at(name).sockets.insert(tcp.socket);
    Send(name, tcp);
  }

  // A peer's connection is established; nobody has it yet.
  uint64_t Arrive(model::Flow flow) {
    const uint64_t socket = next_socket_++;
    flows_[socket] = {flow, {static_cast<uint32_t>(socket) * 7, static_cast<uint32_t>(socket)}};
    server_.insert(socket);
    Passive(socket, decode::TcpPhase::kEstablished);
    return socket;
  }

  uint64_t Arrive(uint16_t port = 40000, const std::string& from = "198.51.100.9") {
    return Arrive({Address(from, port), Address("192.0.2.1", 22)});
  }

  void Accept(Name name, uint64_t socket, bool first_use) {
    at(name).sockets.insert(socket);
    decode::Accept accept;
    accept.socket = socket;
    accept.flow = flows_[socket].first;
    accept.hop_key = flows_[socket].second;
    accept.first_use = first_use;
    accept.rtt_us = 300;
    Send(name, accept);
  }

  uint64_t Connect(Name name, const std::string& to, uint16_t port) {
    const uint64_t socket = next_socket_++;
    flows_[socket] = {{Address("192.0.2.1", next_port_++), Address(to, port)},
                      {static_cast<uint32_t>(socket) * 11, static_cast<uint32_t>(socket)}};
    at(name).sockets.insert(socket);
    decode::Tcp tcp;
    tcp.phase = decode::TcpPhase::kConnect;
    tcp.side = decode::TcpSide::kClient;
    tcp.socket = socket;
    tcp.flow = flows_[socket].first;
    Send(name, tcp);
    Passive(socket, decode::TcpPhase::kEstablished);
    return socket;
  }

  // SCM_RIGHTS; the giver closes its own.
  void HandOver(Name from, Name to, uint64_t socket) {
    at(from).sockets.erase(socket);
    at(to).sockets.insert(socket);
    decode::Accept accept;
    accept.socket = socket;
    accept.flow = flows_[socket].first;
    accept.hop_key = flows_[socket].second;
    accept.handed_over = true;
    accept.side = server_.count(socket) != 0 ? decode::TcpSide::kServer : decode::TcpSide::kClient;
    Send(to, accept);
  }

  // Both ends connected, and this one is taken for the server.
  uint64_t ConnectSimultaneously(Name name, const model::Endpoint& own,
                                 const model::Endpoint& peer) {
    const uint64_t socket = next_socket_++;
    flows_[socket] = {{own, peer}, {}};
    at(name).sockets.insert(socket);
    decode::Tcp tcp;
    tcp.phase = decode::TcpPhase::kConnect;
    tcp.side = decode::TcpSide::kClient;
    tcp.socket = socket;
    tcp.flow = flows_[socket].first;
    Send(name, tcp);
    flows_[socket] = {{peer, own}, {static_cast<uint32_t>(socket), 77}};
    server_.insert(socket);
    Passive(socket, decode::TcpPhase::kEstablished);
    return socket;
  }

  void Close(uint64_t socket) {
    Passive(socket, decode::TcpPhase::kClosed);
    for (auto& [name, proc] : procs_) proc.sockets.erase(socket);
    flows_.erase(socket);
  }

  void SetAudit(Name name, uint32_t login_uid, uint32_t audit_session) {
    at(name).credentials.login_uid = login_uid;
    at(name).credentials.audit_session = audit_session;
    at(name).tag = name;
  }

  // Who moves it says nothing of it; its next exec does.
  void MoveTo(Name name, const std::string& cgroup) {
    at(name).cgroups = {cgroup};
    at(name).cgroup_id = std::hash<std::string>()(cgroup);
  }
  void NewPidNamespace(Name name, uint32_t number) { at(name).namespaces.pid = number; }

  void SetUid(Name name, uint32_t uid) {
    at(name).credentials.uid = at(name).credentials.euid = uid;
  }

  void Pam(Name name, decode::PamStep step, const std::string& user, int result = 0,
           const std::string& service = "sshd") {
    decode::Pam pam;
    pam.step = step;
    pam.service = service;
    pam.user = user;
    pam.remote_host = service == "sshd" ? "198.51.100.9" : "";
    pam.result = result;
    pam.verified = true;
    Send(name, pam);
  }

  void Say(Name name, const std::string& text, bool verified = true) {
    Send(name, decode::SshdMessage{text, verified});
  }

  // What a fresh agent is told first, and one that has lost records.
  void Snapshot() {
    BeginSnapshot();
    EndSnapshot();
  }

  // Whose processes are told first; the sockets of those that live by then, at its end.
  void BeginSnapshot() {
    for (const auto& [name, proc] : procs_) {
      decode::ProcessSnapshot snapshot;
      snapshot.image.path = proc.path;
      snapshot.cgroups = proc.cgroups;
      Send(name, snapshot, /*with_tag=*/false);
    }
  }
  void EndSnapshot() {
    for (const auto& [name, proc] : procs_) {
      for (uint64_t socket : proc.sockets) {
        decode::SocketSnapshot snapshot;
        snapshot.socket = socket;
        if (listening_.count(socket) != 0) {
          snapshot.listening = true;
          snapshot.flow = listening_[socket];
        } else {
          snapshot.side =
              server_.count(socket) != 0 ? decode::TcpSide::kServer : decode::TcpSide::kClient;
          snapshot.flow = flows_[socket].first;
          snapshot.hop_key = flows_[socket].second;
        }
        Send(name, snapshot, /*with_tag=*/false);
      }
    }
    Emit({}, decode::SnapshotDone{});
  }

  decode::Stream Tcp(uint64_t socket) {
    decode::Stream stream;
    stream.kind = decode::StreamKind::kTcp;
    stream.socket = socket;
    stream.flow = flows_[socket].first;
    stream.hop_key = flows_[socket].second;
    stream.accepted = server_.count(socket) != 0;
    return stream;
  }
  static decode::Stream Of(decode::StreamKind kind) {
    decode::Stream stream;
    stream.kind = kind;
    if (kind == decode::StreamKind::kTerminal) stream.device = 136u << 20 | 3;
    return stream;
  }
  static std::array<decode::Stream, 3> Null() {
    return {Of(decode::StreamKind::kFile), Of(decode::StreamKind::kFile),
            Of(decode::StreamKind::kFile)};
  }
  static std::array<decode::Stream, 3> All(decode::Stream stream) {
    return {stream, stream, stream};
  }

  // sshd of Debian 12 as a service.
  Name StartSshd() {
    const Name sshd = Fork(init());
    Exec(sshd, "/usr/sbin/sshd");
    Listen(sshd);
    return sshd;
  }

  // The child that serves one connection, up to the question for a password.
  Name Serve(Name sshd, uint64_t socket, bool tier1) {
    if (tier1) Accept(sshd, socket, /*first_use=*/false);
    const Name monitor = Fork(sshd);
    at(monitor).sockets = {socket};
    if (tier1) at(sshd).sockets.erase(socket);
    Exec(monitor, "/usr/sbin/sshd", {Tcp(socket), Tcp(socket), Of(decode::StreamKind::kFile)});
    if (!tier1) Accept(monitor, socket, /*first_use=*/true);
    const Name child = Fork(monitor);
    SetUid(child, 101);
    Exit(child);
    return monitor;
  }

  // After the answer: PAM, the user's process. Returns that.
  Name LogIn(Name monitor, const std::string& user, uint32_t uid, uint32_t audit_session,
             const std::string& accepted) {
    Say(monitor, accepted);
    SetAudit(monitor, uid, audit_session);
    Pam(monitor, decode::PamStep::kOpenSession, user);
    const Name child = Fork(monitor);
    SetUid(child, uid);
    return child;
  }

  static std::string AcceptedKey(const std::string& user, uint16_t port = 40000,
                                 const std::string& from = "198.51.100.9") {
    return "Accepted publickey for " + user + " from " + from + " port " + std::to_string(port) +
           " ssh2: ED25519 SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  }

  void Send(Name name, const decode::DatagramFlow& flow) { Send<decode::DatagramFlow>(name, flow); }
  // `name` connects to a UNIX socket of `owner`'s; an empty `owner` is unknown.
  void ConnectUnix(Name name, const std::string& path, Name owner, uint32_t owner_uid) {
    decode::UnixConnect connect;
    connect.path = path;
    connect.peer = owner;
    connect.peer_uid = owner_uid;
    Send(name, connect);
  }

  void TellOf(Name name, const std::string& command, const decode::Tampering& tampering) {
    at(name).command = command;
    Send<decode::Tampering>(name, tampering);
  }

  void Emit(decode::Header header, decltype(decode::Event::body) body) {
    Tick();
    header.boot_ns = clock_->BootNs();
    if (out) out({std::move(header), std::move(body)});
  }

 private:
  void Tick() { clock_->AdvanceNs(1'000'000); }

  template <typename Body>
  void Send(Name name, Body body, bool with_tag = true) {
    const Proc& proc = at(name);
    decode::Header header;
    header.process = proc.name;
    header.tid = proc.name.tgid;
    header.parent = proc.parent;
    header.credentials = proc.credentials;
    header.namespaces = proc.namespaces;
    header.command = proc.command;
    header.cgroup_id = proc.cgroup_id;
    if (with_tag) header.tag = proc.tag;
    Emit(std::move(header), std::move(body));
  }

  void Passive(uint64_t socket, decode::TcpPhase phase) {
    decode::Tcp tcp;
    tcp.phase = phase;
    tcp.side = server_.count(socket) != 0 ? decode::TcpSide::kServer : decode::TcpSide::kClient;
    tcp.socket = socket;
    tcp.flow = flows_[socket].first;
    tcp.hop_key = flows_[socket].second;
    tcp.rtt_us = 250;
    if (phase == decode::TcpPhase::kClosed) {
      tcp.bytes_sent = 1000;
      tcp.bytes_received = 2000;
    }
    Emit({}, tcp);
  }

  FakeClock* const clock_;
  std::map<Name, Proc> procs_;
  std::map<uint64_t, std::pair<model::Flow, model::HopKey>> flows_;
  std::map<uint64_t, model::Flow> listening_;
  std::set<uint64_t> server_;
  uint32_t next_tgid_ = 100;
  uint64_t next_socket_ = 1000;
  uint16_t next_port_ = 50000;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_FAKE_KERNEL_H_
