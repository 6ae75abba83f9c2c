#ifndef HOPTRAIL_COLLECTOR_QUERY_FLEET_SERVICE_H_
#define HOPTRAIL_COLLECTOR_QUERY_FLEET_SERVICE_H_

#include <grpcpp/grpcpp.h>

#include "collector/query/unary.h"
#include <hoptrail/v1/fleet.grpc.pb.h>

namespace hoptrail::collector::query {

// Answers queries about hosts, and removes one from the list. Thread-safe; `backend` is not owned
// and outlives it. proto/hoptrail/v1/fleet.proto documents each call and its errors.
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

#endif  // HOPTRAIL_COLLECTOR_QUERY_FLEET_SERVICE_H_
