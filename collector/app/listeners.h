#ifndef HOPTRAIL_COLLECTOR_APP_LISTENERS_H_
#define HOPTRAIL_COLLECTOR_APP_LISTENERS_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include <grpcpp/grpcpp.h>

#include <hoptrail/v1/config.pb.h>

namespace hoptrail::collector::app {

// Starts one server on all configured addresses, with health and reflection, and with bounds on
// what a client may cost. Mutual TLS everywhere but on UNIX sockets, which get the mode 0600.
// Errors name the address and what is wrong with it ("already in use"). `services` outlive it.
absl::StatusOr<std::unique_ptr<grpc::Server>> Listen(const v1::CollectorConfig& config,
                                                     const std::vector<grpc::Service*>& services);

}  // namespace hoptrail::collector::app

#endif  // HOPTRAIL_COLLECTOR_APP_LISTENERS_H_
