#include "collector/query/graph_service.h"

#include <set>
#include <string>
#include <utility>

#include <google/protobuf/util/time_util.h>

#include "collector/query/listing.h"
#include "core/base/clock.h"
#include "core/wire/resource_names.h"

namespace hoptrail::collector::query {
namespace {

constexpr int kMaxNeighborhood = 1000;
constexpr int kHopsPerSession = 100;
constexpr int64_t kDayNs = int64_t{24} * 3600 * 1'000'000'000;

absl::Status FillNeighborhood(api::MessageReader* reader, const v1::GetNeighborhoodRequest& request,
                              v1::Neighborhood* out) {
  store::SessionFilter filter;
  if (request.host().empty() && request.user().empty()) {
    return absl::InvalidArgumentError("host or user must be given");
  }
  if (!request.host().empty()) {
    absl::string_view name = request.host();
    absl::ConsumePrefix(&name, "hosts/");
    HT_ASSIGN_OR_RETURN(filter.host, reader->FindHost(name));
  }
  if (!request.user().empty()) filter.user = request.user();
  int64_t window = kDayNs;
  if (request.has_window()) {
    window = google::protobuf::util::TimeUtil::DurationToNanoseconds(request.window());
    if (window <= 0) return absl::InvalidArgumentError("window: must be above 0");
  }
  filter.active_since_wall_ns = Clock::System().WallNs() - window;
  HT_ASSIGN_OR_RETURN(store::Page<v1::Session> own,
                      reader->ListSessions(filter, std::nullopt, kMaxNeighborhood));
  out->set_truncated(own.next.has_value());
  std::set<std::string> known;
  std::set<std::string> neighbours;
  std::set<std::string> hops;
  for (const v1::Session& session : own.items) known.insert(session.name());
  for (const v1::Session& session : own.items) {
    HT_ASSIGN_OR_RETURN(model::SessionId id, wire::ParseSessionName(session.name()));
    HT_ASSIGN_OR_RETURN(store::Page<v1::Hop> page,
                        reader->ListHops({.session = id}, std::nullopt, kHopsPerSession));
    if (page.next) out->set_truncated(true);
    for (v1::Hop& hop : page.items) {
      for (const std::string& end : {hop.client().session(), hop.server().session()}) {
        if (!end.empty() && known.count(end) == 0) neighbours.insert(end);
      }
      const bool added = hops.insert(hop.SerializeAsString()).second;
      if (!added) continue;  // it was, from its other end
      if (out->hops_size() == kMaxNeighborhood) {
        out->set_truncated(true);
        break;
      }
      *out->add_hops() = std::move(hop);
    }
  }
  for (v1::Session& session : own.items) *out->add_sessions() = std::move(session);
  for (const std::string& name : neighbours) {
    if (out->sessions_size() >= kMaxNeighborhood) {
      out->set_truncated(true);
      break;
    }
    HT_ASSIGN_OR_RETURN(model::SessionId id, wire::ParseSessionName(name));
    absl::StatusOr<v1::Session> session = reader->GetSession(id);
    if (session.ok()) *out->add_sessions() = *std::move(session);
  }
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* GraphService::GetSession(grpc::CallbackServerContext* context,
                                                   const v1::GetSessionRequest* request,
                                                   v1::Session* response) {
  return AnswerUnary(context, backend_, rpc::RequireReader,
                     [=](api::MessageReader* reader, const rpc::Peer&) -> absl::Status {
                       HT_ASSIGN_OR_RETURN(std::string digits,
                                           StripCollection("sessions/", request->name()));
                       HT_ASSIGN_OR_RETURN(model::SessionId id, reader->FindSession(digits));
                       HT_ASSIGN_OR_RETURN(*response, reader->GetSession(id));
                       return absl::OkStatus();
                     });
}

grpc::ServerUnaryReactor* GraphService::ListSessions(grpc::CallbackServerContext* context,
                                                     const v1::ListSessionsRequest* request,
                                                     v1::ListSessionsResponse* response) {
  return AnswerUnary(context, backend_, rpc::RequireReader,
                     [=, this](api::MessageReader* reader, const rpc::Peer&) {
                       return AnswerList(backend_, "sessions", *request, reader, ParseSessionFilter,
                                         &api::MessageReader::ListSessions, response,
                                         response->mutable_sessions());
                     });
}

grpc::ServerUnaryReactor* GraphService::ListHops(grpc::CallbackServerContext* context,
                                                 const v1::ListHopsRequest* request,
                                                 v1::ListHopsResponse* response) {
  return AnswerUnary(context, backend_, rpc::RequireReader,
                     [=, this](api::MessageReader* reader, const rpc::Peer&) {
                       return AnswerList(backend_, "hops", *request, reader, ParseHopFilter,
                                         &api::MessageReader::ListHops, response,
                                         response->mutable_hops());
                     });
}

grpc::ServerUnaryReactor* GraphService::ListEdges(grpc::CallbackServerContext* context,
                                                  const v1::ListEdgesRequest* request,
                                                  v1::ListEdgesResponse* response) {
  return AnswerUnary(context, backend_, rpc::RequireReader,
                     [=, this](api::MessageReader* reader, const rpc::Peer&) {
                       return AnswerList(backend_, "edges", *request, reader, ParseEdgeFilter,
                                         &api::MessageReader::ListEdges, response,
                                         response->mutable_edges());
                     });
}

grpc::ServerUnaryReactor* GraphService::GetPath(grpc::CallbackServerContext* context,
                                                const v1::GetPathRequest* request,
                                                v1::Path* response) {
  return AnswerUnary(
      context, backend_, rpc::RequireReader,
      [this, request, response](api::MessageReader* reader, const rpc::Peer&) -> absl::Status {
        HT_ASSIGN_OR_RETURN(*response, api::FindPath(reader, backend_->path_of, request->name()));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* GraphService::GetNeighborhood(grpc::CallbackServerContext* context,
                                                        const v1::GetNeighborhoodRequest* request,
                                                        v1::Neighborhood* response) {
  return AnswerUnary(context, backend_, rpc::RequireReader,
                     [=, this](api::MessageReader* reader, const rpc::Peer&) {
                       if (const auto trouble = backend_->store->trouble()) {
                         *response->mutable_store_trouble() = wire::ToProto(*trouble);
                       }
                       return FillNeighborhood(reader, *request, response);
                     });
}

}  // namespace hoptrail::collector::query
