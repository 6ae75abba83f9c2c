// What happens without a TCP connection: datagrams, which become edges, and the UNIX sockets of
// other sessions.

#include "agent/session/correlator.h"

namespace hoptrail::agent::session {

void Correlator::On(const decode::Header& header, const decode::Sends& sends) {
  // The header shows the process as it was when the flow began. Later it may have become someone
  // else, or have ended; nothing of it is taken over then.
  process::Process* process = processes_.Find(header.process);
  if (process == nullptr && sends.first) process = Observe(header);
  const bool server = sends.local_port != 0;
  model::EdgeCount& edge =
      edges_.At(server ? model::HopSide::kServer : model::HopSide::kClient,
                process == nullptr ? absl::string_view() : process->program(),
                header.credentials.euid, sends.peer.address,
                server ? sends.local_port : sends.peer.port, now_wall_ns(), sends.protocol);
  if (sends.first) ++edge.connections;
  edge.bytes_sent += sends.bytes;
}

void Correlator::On(const decode::Header& header, const decode::UnixConnect& connect) {
  process::Process* process = Observe(header);
  Node* node = process == nullptr ? nullptr : NodeOf(*process);
  if (node == nullptr) return;
  const model::SessionId owner = SessionOf(connect.peer);
  if (!owner.empty() && owner == node->session.id) return;
  node->unix_uses.Add({.path = connect.path,
                       .owner = owner,
                       .owner_process = connect.peer,
                       .owner_uid = connect.peer_uid,
                       .process = header.process,
                       .first_boot_ns = header.boot_ns,
                       .last_boot_ns = header.boot_ns,
                       .connects = connect.count});
}

}  // namespace hoptrail::agent::session
