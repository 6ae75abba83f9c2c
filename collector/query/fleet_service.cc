#include "collector/query/listing.h"
#include "collector/query/services.h"

namespace hoptrail::collector::query {

grpc::ServerUnaryReactor* FleetService::ListHosts(grpc::CallbackServerContext* context,
                                                  const v1::ListHostsRequest* request,
                                                  v1::ListHostsResponse* response) {
  return AnswerUnary(
      context, backend_, rpc::RequireReader, [=](store::Reader* reader, const rpc::Peer&) {
        return AnswerList("hosts", *request, reader, ParseHostFilter, &store::Reader::ListHosts,
                          response->mutable_hosts(), response->mutable_next_page_token());
      });
}

grpc::ServerUnaryReactor* FleetService::GetHost(grpc::CallbackServerContext* context,
                                                const v1::GetHostRequest* request,
                                                v1::Host* response) {
  return AnswerUnary(context, backend_, rpc::RequireReader,
                     [=](store::Reader* reader, const rpc::Peer&) -> absl::Status {
                       absl::string_view name = request->name();
                       absl::ConsumePrefix(&name, "hosts/");
                       HT_ASSIGN_OR_RETURN(model::HostId id, reader->FindHost(name));
                       HT_ASSIGN_OR_RETURN(*response, reader->GetHost(id));
                       return absl::OkStatus();
                     });
}

}  // namespace hoptrail::collector::query
