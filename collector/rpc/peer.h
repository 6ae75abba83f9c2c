#ifndef HOPTRAIL_COLLECTOR_RPC_PEER_H_
#define HOPTRAIL_COLLECTOR_RPC_PEER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include <grpcpp/grpcpp.h>

#include "core/model/ids.h"

namespace hoptrail::collector::rpc {

// Who calls, from nothing but the transport: the URIs in the client certificate's subject
// alternative names, which the TLS layer has verified, or the UNIX socket it came through.
//   spiffe://hoptrail/agent/{machine id}   may speak for that machine
//   spiffe://hoptrail/reader/{name}        may read
//   spiffe://hoptrail/operator/{name}      may read and change incidents
// A caller on a UNIX socket has every role: the file's mode decided who may call. A value.
struct Peer {
  bool local = false;
  bool reader = false;
  bool operator_role = false;
  bool agent = false;
  model::MachineId machine;  // for agents over TLS
  std::string name;          // for a person's actions: "alice", "local"
};

// Adds what one URI of a verified certificate says; other URIs and malformed ones say nothing.
void AddRole(absl::string_view uri, Peer* peer);

Peer PeerOf(const grpc::CallbackServerContext& context);

// PERMISSION_DENIED, saying which role is needed.
absl::Status RequireReader(const Peer& peer);
absl::Status RequireOperator(const Peer& peer);
// The peer may speak for the host.
absl::Status RequireAgentOf(const Peer& peer, const model::HostId& host);

// Errors that are the service's own (INTERNAL, DATA_LOSS) are logged and told without the details.
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace hoptrail::collector::rpc

#endif  // HOPTRAIL_COLLECTOR_RPC_PEER_H_
