#include "collector/query/detection_service.h"

#include <utility>

#include "collector/query/incident_state.h"
#include "collector/query/listing.h"

namespace hoptrail::collector::query {

grpc::ServerUnaryReactor* DetectionService::ListDetections(grpc::CallbackServerContext* context,
                                                           const v1::ListDetectionsRequest* request,
                                                           v1::ListDetectionsResponse* response) {
  return AnswerUnary(context, backend_, rpc::RequireReader,
                     [=, this](api::MessageReader* reader, const rpc::Peer&) {
                       return AnswerList(backend_, "detections", *request, reader,
                                         ParseDetectionFilter, &api::MessageReader::ListDetections,
                                         response, response->mutable_detections());
                     });
}

grpc::ServerUnaryReactor* DetectionService::GetDetection(grpc::CallbackServerContext* context,
                                                         const v1::GetDetectionRequest* request,
                                                         v1::Detection* response) {
  return AnswerUnary(context, backend_, rpc::RequireReader,
                     [=](api::MessageReader* reader, const rpc::Peer&) -> absl::Status {
                       HT_ASSIGN_OR_RETURN(std::string digits,
                                           StripCollection("detections/", request->name()));
                       HT_ASSIGN_OR_RETURN(model::DetectionId id, reader->FindDetection(digits));
                       HT_ASSIGN_OR_RETURN(*response, reader->GetDetection(id));
                       return absl::OkStatus();
                     });
}

grpc::ServerWriteReactor<v1::WatchDetectionsResponse>* DetectionService::WatchDetections(
    grpc::CallbackServerContext* context, const v1::WatchDetectionsRequest* request) {
  using Stream = WatchStream<v1::WatchDetectionsResponse>;
  if (absl::Status status = rpc::RequireReader(rpc::PeerOf(*context)); !status.ok()) {
    return Stream::Refuse(status);
  }
  absl::StatusOr<store::DetectionFilter> filter = ParseDetectionFilter(request->filter());
  if (!filter.ok()) return Stream::Refuse(filter.status());
  return Stream::Begin(backend_, hub_, request->resume_token(),
                       [filter = *filter](api::MessageReader* reader,
                                          int64_t after) -> absl::StatusOr<Stream::Page> {
                         HT_ASSIGN_OR_RETURN(auto changes, reader->DetectionsAfter(
                                                               filter, after, Stream::kPageSize));
                         Stream::Page page;
                         for (auto& change : changes) {
                           v1::WatchDetectionsResponse response;
                           *response.mutable_detection() = std::move(change.value);
                           page.emplace_back(change.revision, std::move(response));
                         }
                         return page;
                       });
}

grpc::ServerUnaryReactor* DetectionService::ListIncidents(grpc::CallbackServerContext* context,
                                                          const v1::ListIncidentsRequest* request,
                                                          v1::ListIncidentsResponse* response) {
  return AnswerUnary(
      context, backend_, rpc::RequireReader,
      [=, this](api::MessageReader* reader, const rpc::Peer&) {
        HT_RETURN_IF_ERROR(AnswerList(backend_, "incidents", *request, reader, ParseIncidentFilter,
                                      &api::MessageReader::ListIncidents, response,
                                      response->mutable_incidents()));
        for (v1::Incident& incident : *response->mutable_incidents()) {
          HT_RETURN_IF_ERROR(AddState(backend_, reader, &incident));
        }
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* DetectionService::GetIncident(grpc::CallbackServerContext* context,
                                                        const v1::GetIncidentRequest* request,
                                                        v1::Incident* response) {
  return AnswerUnary(context, backend_, rpc::RequireReader,
                     [=, this](api::MessageReader* reader, const rpc::Peer&) -> absl::Status {
                       HT_ASSIGN_OR_RETURN(std::string digits,
                                           StripCollection("incidents/", request->name()));
                       HT_ASSIGN_OR_RETURN(model::IncidentId id, reader->FindIncident(digits));
                       HT_ASSIGN_OR_RETURN(*response, reader->GetIncident(id));
                       return AddState(backend_, reader, response);
                     });
}

grpc::ServerWriteReactor<v1::WatchIncidentsResponse>* DetectionService::WatchIncidents(
    grpc::CallbackServerContext* context, const v1::WatchIncidentsRequest* request) {
  using Stream = WatchStream<v1::WatchIncidentsResponse>;
  if (absl::Status status = rpc::RequireReader(rpc::PeerOf(*context)); !status.ok()) {
    return Stream::Refuse(status);
  }
  absl::StatusOr<store::IncidentFilter> filter = ParseIncidentFilter(request->filter());
  if (!filter.ok()) return Stream::Refuse(filter.status());
  return Stream::Begin(
      backend_, hub_, request->resume_token(),
      [this, filter = *filter](api::MessageReader* reader,
                               int64_t after) -> absl::StatusOr<Stream::Page> {
        HT_ASSIGN_OR_RETURN(auto changes, reader->IncidentsAfter(filter, after, Stream::kPageSize));
        Stream::Page page;
        for (auto& change : changes) {
          HT_RETURN_IF_ERROR(AddState(backend_, reader, &change.value));
          v1::WatchIncidentsResponse response;
          *response.mutable_incident() = std::move(change.value);
          page.emplace_back(change.revision, std::move(response));
        }
        return page;
      });
}

grpc::ServerUnaryReactor* DetectionService::AcknowledgeIncident(
    grpc::CallbackServerContext* context, const v1::AcknowledgeIncidentRequest* request,
    v1::Incident* response) {
  return SetState(context, request->name(), model::IncidentState::kAcknowledged, response);
}

grpc::ServerUnaryReactor* DetectionService::ResolveIncident(
    grpc::CallbackServerContext* context, const v1::ResolveIncidentRequest* request,
    v1::Incident* response) {
  return SetState(context, request->name(), model::IncidentState::kResolved, response);
}

grpc::ServerUnaryReactor* DetectionService::SetState(grpc::CallbackServerContext* context,
                                                     const std::string& name,
                                                     model::IncidentState state,
                                                     v1::Incident* response) {
  return AnswerUnary(context, backend_, rpc::RequireOperator,
                     [this, name, state, response](api::MessageReader* reader,
                                                   const rpc::Peer& peer) -> absl::Status {
                       HT_ASSIGN_OR_RETURN(std::string digits, StripCollection("incidents/", name));
                       HT_ASSIGN_OR_RETURN(model::IncidentId id, reader->FindIncident(digits));
                       HT_RETURN_IF_ERROR(backend_->set_incident_state(id, state, peer.name));
                       HT_ASSIGN_OR_RETURN(*response, reader->GetIncident(id));
                       return AddState(backend_, reader, response);
                     });
}

}  // namespace hoptrail::collector::query
