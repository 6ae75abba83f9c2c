#ifndef HOPTRAIL_COLLECTOR_QUERY_SERVICES_H_
#define HOPTRAIL_COLLECTOR_QUERY_SERVICES_H_

#include "collector/query/unary.h"
#include "collector/query/watch.h"
#include <hoptrail/v1/detection.grpc.pb.h>
#include <hoptrail/v1/fleet.grpc.pb.h>
#include <hoptrail/v1/graph.grpc.pb.h>

namespace hoptrail::collector::query {

// The public API over the store. Thread-safe; `backend` and `hub` are not owned and outlive them.
// What each call does, and its errors, are in proto/hoptrail/v1/.

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

class GraphService final : public v1::GraphService::CallbackService {
 public:
  explicit GraphService(const Backend* backend) : backend_(backend) {}

  grpc::ServerUnaryReactor* GetSession(grpc::CallbackServerContext* context,
                                       const v1::GetSessionRequest* request,
                                       v1::Session* response) override;
  grpc::ServerUnaryReactor* ListSessions(grpc::CallbackServerContext* context,
                                         const v1::ListSessionsRequest* request,
                                         v1::ListSessionsResponse* response) override;
  grpc::ServerUnaryReactor* ListHops(grpc::CallbackServerContext* context,
                                     const v1::ListHopsRequest* request,
                                     v1::ListHopsResponse* response) override;
  grpc::ServerUnaryReactor* ListEdges(grpc::CallbackServerContext* context,
                                      const v1::ListEdgesRequest* request,
                                      v1::ListEdgesResponse* response) override;
  grpc::ServerUnaryReactor* GetPath(grpc::CallbackServerContext* context,
                                    const v1::GetPathRequest* request, v1::Path* response) override;
  grpc::ServerUnaryReactor* GetNeighborhood(grpc::CallbackServerContext* context,
                                            const v1::GetNeighborhoodRequest* request,
                                            v1::Neighborhood* response) override;

 private:
  const Backend* const backend_;
};

class FleetService final : public v1::FleetService::CallbackService {
 public:
  explicit FleetService(const Backend* backend) : backend_(backend) {}

  grpc::ServerUnaryReactor* ListHosts(grpc::CallbackServerContext* context,
                                      const v1::ListHostsRequest* request,
                                      v1::ListHostsResponse* response) override;
  grpc::ServerUnaryReactor* GetHost(grpc::CallbackServerContext* context,
                                    const v1::GetHostRequest* request, v1::Host* response) override;
  grpc::ServerUnaryReactor* RemoveHost(grpc::CallbackServerContext* context,
                                       const v1::RemoveHostRequest* request,
                                       v1::RemoveHostResponse* response) override;

 private:
  const Backend* const backend_;
};

}  // namespace hoptrail::collector::query

#endif  // HOPTRAIL_COLLECTOR_QUERY_SERVICES_H_
