#ifndef HOPTRAIL_COLLECTOR_QUERY_GRAPH_SERVICE_H_
#define HOPTRAIL_COLLECTOR_QUERY_GRAPH_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include "collector/query/unary.h"
#include <hoptrail/v1/graph.grpc.pb.h>

namespace hoptrail::collector::query {

// Answers queries about sessions, hops, edges and paths. Thread-safe; `backend` is not owned and
// outlives it. proto/hoptrail/v1/graph.proto documents each call and its errors.
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

}  // namespace hoptrail::collector::query

#endif  // HOPTRAIL_COLLECTOR_QUERY_GRAPH_SERVICE_H_
