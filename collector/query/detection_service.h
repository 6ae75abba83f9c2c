#ifndef HOPTRAIL_COLLECTOR_QUERY_DETECTION_SERVICE_H_
#define HOPTRAIL_COLLECTOR_QUERY_DETECTION_SERVICE_H_

#include <string>

#include <grpcpp/grpcpp.h>

#include "collector/query/unary.h"
#include "collector/query/watch.h"
#include "core/model/detection.h"
#include <hoptrail/v1/detection.grpc.pb.h>

namespace hoptrail::collector::query {

// Answers queries about detections and incidents, and changes an incident's state. Thread-safe;
// `backend` and `hub` are not owned and outlive it. proto/hoptrail/v1/detection.proto documents
// each call and its errors.
class DetectionService final : public v1::DetectionService::CallbackService {
 public:
  DetectionService(const Backend* backend, WatchHub* hub) : backend_(backend), hub_(hub) {}

  grpc::ServerUnaryReactor* ListDetections(grpc::CallbackServerContext* context,
                                           const v1::ListDetectionsRequest* request,
                                           v1::ListDetectionsResponse* response) override;
  grpc::ServerUnaryReactor* GetDetection(grpc::CallbackServerContext* context,
                                         const v1::GetDetectionRequest* request,
                                         v1::Detection* response) override;
  grpc::ServerWriteReactor<v1::WatchDetectionsResponse>* WatchDetections(
      grpc::CallbackServerContext* context, const v1::WatchDetectionsRequest* request) override;
  grpc::ServerUnaryReactor* ListIncidents(grpc::CallbackServerContext* context,
                                          const v1::ListIncidentsRequest* request,
                                          v1::ListIncidentsResponse* response) override;
  grpc::ServerUnaryReactor* GetIncident(grpc::CallbackServerContext* context,
                                        const v1::GetIncidentRequest* request,
                                        v1::Incident* response) override;
  grpc::ServerWriteReactor<v1::WatchIncidentsResponse>* WatchIncidents(
      grpc::CallbackServerContext* context, const v1::WatchIncidentsRequest* request) override;
  grpc::ServerUnaryReactor* AcknowledgeIncident(grpc::CallbackServerContext* context,
                                                const v1::AcknowledgeIncidentRequest* request,
                                                v1::Incident* response) override;
  grpc::ServerUnaryReactor* ResolveIncident(grpc::CallbackServerContext* context,
                                            const v1::ResolveIncidentRequest* request,
                                            v1::Incident* response) override;

 private:
  grpc::ServerUnaryReactor* SetState(grpc::CallbackServerContext* context, const std::string& name,
                                     model::IncidentState state, v1::Incident* response);

  const Backend* const backend_;
  WatchHub* const hub_;
};

}  // namespace hoptrail::collector::query

#endif  // HOPTRAIL_COLLECTOR_QUERY_DETECTION_SERVICE_H_
