#ifndef HOPTRAIL_AGENT_SESSION_FAKE_SOCKETS_H_
#define HOPTRAIL_AGENT_SESSION_FAKE_SOCKETS_H_

// For tests: the sockets of FakeKernel (see fake_kernel.h).

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "agent/session/fake_processes.h"
#include "core/model/net.h"

namespace hoptrail::agent::session {

// Processes that listen, accept, connect and pass connections on. This host is 192.0.2.1.
class FakeSockets : public FakeProcesses {
 public:
  using FakeProcesses::FakeProcesses;

  static model::Endpoint Address(const std::string& address, uint16_t port) {
    return {*model::ParseIpAddress(address), port};
  }

  void Listen(ProcessKey process, uint16_t port = 22) {
    at(process).listens = true;
    decode::Tcp tcp;
    tcp.phase = decode::TcpPhase::kListen;
    tcp.socket = next_socket_++;
    tcp.flow.server = Address("192.0.2.1", port);
    listening_[tcp.socket] = tcp.flow;
    at(process).sockets.insert(tcp.socket);
    Send(process, tcp);
  }

  // A client's connection is established; no process has accepted it yet.
  uint64_t Arrive(model::Flow flow) {
    const uint64_t socket = next_socket_++;
    flows_[socket] = {flow, {static_cast<uint32_t>(socket) * 7, static_cast<uint32_t>(socket)}};
    server_.insert(socket);
    EmitTransition(socket, decode::TcpPhase::kEstablished);
    return socket;
  }
  uint64_t Arrive(uint16_t port = 40000, const std::string& from = "198.51.100.9") {
    return Arrive({Address(from, port), Address("192.0.2.1", 22)});
  }

  // `first_use`: the record is that of the first use of the socket instead of accept(2).
  void Accept(ProcessKey process, uint64_t socket, bool first_use) {
    at(process).sockets.insert(socket);
    decode::Accept accept;
    accept.socket = socket;
    accept.flow = flows_[socket].first;
    accept.hop_key = flows_[socket].second;
    accept.first_use = first_use;
    accept.rtt_us = 300;
    Send(process, accept);
  }

  uint64_t Connect(ProcessKey process, const std::string& to, uint16_t port) {
    const uint64_t socket = next_socket_++;
    flows_[socket] = {{Address("192.0.2.1", next_port_++), Address(to, port)},
                      {static_cast<uint32_t>(socket) * 11, static_cast<uint32_t>(socket)}};
    StartConnect(process, socket);
    EmitTransition(socket, decode::TcpPhase::kEstablished);
    return socket;
  }

  // A simultaneous open: both ends connect, and this one is treated as the server.
  uint64_t ConnectSimultaneously(ProcessKey process, const model::Endpoint& own,
                                 const model::Endpoint& peer) {
    const uint64_t socket = next_socket_++;
    flows_[socket] = {{own, peer}, {}};
    StartConnect(process, socket);
    flows_[socket] = {{peer, own}, {static_cast<uint32_t>(socket), 77}};
    server_.insert(socket);
    EmitTransition(socket, decode::TcpPhase::kEstablished);
    return socket;
  }

  // SCM_RIGHTS; the sender closes its own descriptor.
  void HandOver(ProcessKey from, ProcessKey to, uint64_t socket) {
    at(from).sockets.erase(socket);
    at(to).sockets.insert(socket);
    decode::Accept accept;
    accept.socket = socket;
    accept.flow = flows_[socket].first;
    accept.hop_key = flows_[socket].second;
    accept.handed_over = true;
    accept.side = SideOf(socket);
    Send(to, accept);
  }

  void Close(uint64_t socket) {
    EmitTransition(socket, decode::TcpPhase::kClosed);
    for (auto& [key, proc] : procs()) proc.sockets.erase(socket);
    flows_.erase(socket);
  }

  void SendDatagrams(ProcessKey process, const decode::DatagramFlow& flow) { Send(process, flow); }

  // Connects to a UNIX socket of `owner`; an empty `owner` is unknown.
  void ConnectUnix(ProcessKey process, const std::string& path, ProcessKey owner,
                   uint32_t owner_uid) {
    decode::UnixConnect connect;
    connect.path = path;
    connect.peer = owner;
    connect.peer_uid = owner_uid;
    Send(process, connect);
  }

  // A connection as a standard stream.
  decode::Stream Tcp(uint64_t socket) {
    decode::Stream stream;
    stream.kind = decode::StreamKind::kTcp;
    stream.socket = socket;
    stream.flow = flows_[socket].first;
    stream.hop_key = flows_[socket].second;
    stream.accepted = server_.count(socket) != 0;
    return stream;
  }

 protected:
  // The record of a socket that a snapshot emits.
  decode::SocketSnapshot SnapshotOf(uint64_t socket) {
    decode::SocketSnapshot snapshot;
    snapshot.socket = socket;
    if (listening_.count(socket) != 0) {
      snapshot.listening = true;
      snapshot.flow = listening_[socket];
    } else {
      snapshot.side = SideOf(socket);
      snapshot.flow = flows_[socket].first;
      snapshot.hop_key = flows_[socket].second;
    }
    return snapshot;
  }

 private:
  decode::TcpSide SideOf(uint64_t socket) const {
    return server_.count(socket) != 0 ? decode::TcpSide::kServer : decode::TcpSide::kClient;
  }

  void StartConnect(ProcessKey process, uint64_t socket) {
    at(process).sockets.insert(socket);
    decode::Tcp tcp;
    tcp.phase = decode::TcpPhase::kConnect;
    tcp.side = decode::TcpSide::kClient;
    tcp.socket = socket;
    tcp.flow = flows_[socket].first;
    Send(process, tcp);
  }

  // A change of state outside the context of any process.
  void EmitTransition(uint64_t socket, decode::TcpPhase phase) {
    decode::Tcp tcp;
    tcp.phase = phase;
    tcp.side = SideOf(socket);
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

  std::map<uint64_t, std::pair<model::Flow, model::HopKey>> flows_;
  std::map<uint64_t, model::Flow> listening_;
  std::set<uint64_t> server_;
  uint64_t next_socket_ = 1000;
  uint16_t next_port_ = 50000;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_FAKE_SOCKETS_H_
