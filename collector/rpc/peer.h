#ifndef HOPTRAIL_COLLECTOR_RPC_PEER_H_
#define HOPTRAIL_COLLECTOR_RPC_PEER_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include <grpcpp/grpcpp.h>

#include "core/model/ids.h"
#include "core/model/net.h"

namespace hoptrail::collector::rpc {

// The caller and its roles, taken from the transport alone: from the URIs in the client
// certificate's subject alternative names, which the TLS layer has verified, or from the UNIX
// socket of the call.
//   spiffe://hoptrail/agent/{machine id}   may speak for that machine
//   spiffe://hoptrail/host-name/{name}     beside it: the machine's name, whatever its agent says
//   spiffe://hoptrail/reader/{name}        may read
//   spiffe://hoptrail/operator/{name}      may read and change incidents
// A caller on a UNIX socket has every role: the socket's file mode says who may call. A value.
struct Peer {
  bool local = false;
  bool reader = false;
  bool operator_role = false;
  bool agent = false;
  model::MachineId machine;  // for agents over TLS
  std::string host_name;     // the name that the certificate fixes; usually empty
  std::string name;          // for a person's actions: "alice", "local"
};

// Adds the role in one URI of a verified certificate. Ignores other URIs and malformed ones.
void AddRole(absl::string_view uri, Peer* peer);

Peer PeerOf(const grpc::CallbackServerContext& context);

// The IP address in the text of grpc::ServerContext::peer(): "ipv4:192.0.2.1:43212",
// "ipv6:%5B2001:db8::1%5D:43212". Nothing for other transports.
std::optional<model::IpAddress> AddressOf(absl::string_view peer);

// PERMISSION_DENIED with the role that the call needs.
absl::Status RequireReader(const Peer& peer);
absl::Status RequireOperator(const Peer& peer);
// The peer may speak for the host.
absl::Status RequireAgentOf(const Peer& peer, const model::HostId& host);

// Logs errors of the collector itself (INTERNAL, DATA_LOSS) and sends them without their details.
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace hoptrail::collector::rpc

#endif  // HOPTRAIL_COLLECTOR_RPC_PEER_H_
