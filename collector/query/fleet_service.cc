#include "collector/query/fleet_service.h"

#include "collector/query/listing.h"

namespace hoptrail::collector::query {
namespace {

// `name` may begin with its collection, "hosts/".
absl::StatusOr<model::HostId> FindHost(api::MessageReader* reader, absl::string_view name) {
  absl::ConsumePrefix(&name, "hosts/");
  return reader->FindHost(name);
}

// While the collector cannot write its store, new facts about every host are missing.
void AddTrouble(const Backend* backend, v1::Host* host) {
  const auto trouble = backend->store->trouble();
  if (trouble) *host->add_degradations() = wire::ToProto(*trouble);
}

}  // namespace

grpc::ServerUnaryReactor* FleetService::ListHosts(grpc::CallbackServerContext* context,
                                                  const v1::ListHostsRequest* request,
                                                  v1::ListHostsResponse* response) {
  return AnswerUnary(context, backend_, rpc::RequireReader,
                     [=, this](api::MessageReader* reader, const rpc::Peer&) -> absl::Status {
                       HT_RETURN_IF_ERROR(AnswerList(
                           backend_, "hosts", *request, reader, ParseHostFilter,
                           &api::MessageReader::ListHosts, response, response->mutable_hosts()));
                       for (v1::Host& host : *response->mutable_hosts())
                         AddTrouble(backend_, &host);
                       return absl::OkStatus();
                     });
}

grpc::ServerUnaryReactor* FleetService::GetHost(grpc::CallbackServerContext* context,
                                                const v1::GetHostRequest* request,
                                                v1::Host* response) {
  return AnswerUnary(context, backend_, rpc::RequireReader,
                     [=, this](api::MessageReader* reader, const rpc::Peer&) -> absl::Status {
                       HT_ASSIGN_OR_RETURN(model::HostId id, FindHost(reader, request->name()));
                       HT_ASSIGN_OR_RETURN(*response, reader->GetHost(id.machine));
                       AddTrouble(backend_, response);
                       return absl::OkStatus();
                     });
}

grpc::ServerUnaryReactor* FleetService::RemoveHost(grpc::CallbackServerContext* context,
                                                   const v1::RemoveHostRequest* request,
                                                   v1::RemoveHostResponse* response) {
  return AnswerUnary(
      context, backend_, rpc::RequireOperator,
      [this, request](api::MessageReader* reader, const rpc::Peer& peer) -> absl::Status {
        HT_ASSIGN_OR_RETURN(model::HostId id, FindHost(reader, request->name()));
        return backend_->remove_host(id, peer.name);
      });
}

}  // namespace hoptrail::collector::query
