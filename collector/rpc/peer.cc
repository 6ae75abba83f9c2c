#include "collector/rpc/peer.h"

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include <grpc/grpc_security_constants.h>

#include "core/base/log.h"
#include "core/config/certificate_uri.h"

namespace hoptrail::collector::rpc {

void AddRole(absl::string_view uri, Peer* peer) {
  const std::optional<config::CertificateOwner> owner = config::ParseCertificateUri(uri);
  if (!owner.has_value()) return;
  if (owner->role == "agent") {
    absl::StatusOr<model::MachineId> machine = model::ParseId<model::MachineId>(owner->name);
    if (!machine.ok() || machine->empty()) return;
    // One certificate speaks for one machine.
    if (peer->agent && peer->machine != *machine) return;
    peer->agent = true;
    peer->machine = *machine;
  } else if (owner->role == "host-name") {
    if (peer->host_name.empty()) peer->host_name = owner->name;
  } else if (owner->role == "reader" || owner->role == "operator") {
    peer->reader = true;
    if (owner->role == "operator") peer->operator_role = true;
    peer->name = owner->name;
  }
}

Peer PeerOf(const grpc::CallbackServerContext& context) {
  Peer peer;
  const auto auth = context.auth_context();
  if (auth != nullptr && auth->IsPeerAuthenticated()) {
    for (const grpc::string_ref& uri : auth->FindPropertyValues(GRPC_PEER_URI_PROPERTY_NAME)) {
      AddRole(absl::string_view(uri.data(), uri.size()), &peer);
    }
    return peer;
  }
  // Only UNIX sockets serve plain text; see app/listeners.
  if (absl::StartsWith(context.peer(), "unix:")) {
    peer.local = peer.reader = peer.operator_role = peer.agent = true;
    peer.name = "local";
  }
  return peer;
}

std::optional<model::IpAddress> AddressOf(absl::string_view peer) {
  const bool v6 = absl::ConsumePrefix(&peer, "ipv6:");
  if (!v6 && !absl::ConsumePrefix(&peer, "ipv4:")) return std::nullopt;
  peer = peer.substr(0, peer.rfind(':'));
  if (v6) {
    // The brackets may be escaped. A link-local address has its interface behind a '%'.
    if (!absl::ConsumePrefix(&peer, "%5B")) absl::ConsumePrefix(&peer, "[");
    peer = peer.substr(0, peer.find_first_of("%]"));
  }
  const absl::StatusOr<model::IpAddress> address = model::ParseIpAddress(peer);
  return address.ok() ? std::make_optional(*address) : std::nullopt;
}

absl::Status RequireReader(const Peer& peer) {
  if (peer.reader) return absl::OkStatus();
  return absl::PermissionDeniedError(
      "the role reader is needed: a client certificate with the URI "
      "spiffe://hoptrail/reader/NAME or spiffe://hoptrail/operator/NAME");
}

absl::Status RequireOperator(const Peer& peer) {
  if (peer.operator_role) return absl::OkStatus();
  return absl::PermissionDeniedError(
      "the role operator is needed: a client certificate with the URI "
      "spiffe://hoptrail/operator/NAME");
}

absl::Status RequireAgentOf(const Peer& peer, const model::HostId& host) {
  if (!peer.agent) {
    return absl::PermissionDeniedError(
        "the role agent is needed: a client certificate with the URI "
        "spiffe://hoptrail/agent/MACHINE-ID");
  }
  if (peer.local || peer.machine == host.machine) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("the certificate is for machine ", model::ToString(peer.machine),
                   ", the agent speaks for machine ", model::ToString(host.machine)));
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  if (status.code() == absl::StatusCode::kInternal ||
      status.code() == absl::StatusCode::kDataLoss) {
    LogError("rpc", status.ToString());
    return grpc::Status(grpc::StatusCode::INTERNAL,
                        "internal error; the collector's log says more");
  }
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

}  // namespace hoptrail::collector::rpc
