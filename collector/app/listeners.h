#ifndef HOPTRAIL_COLLECTOR_APP_LISTENERS_H_
#define HOPTRAIL_COLLECTOR_APP_LISTENERS_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include <grpcpp/grpcpp.h>

#include "core/config/server_tls.h"
#include <hoptrail/v1/config.pb.h>

namespace hoptrail::collector::app {

// One server, and the TLS state of its listeners, by their address.
struct Listeners {
  std::map<std::string, std::unique_ptr<config::ServerTls>> tls;  // outlives the server
  std::unique_ptr<grpc::Server> server;
};

// Starts one server on all configured addresses, with health and reflection, and with bounds on the
// resources that a client may use. Mutual TLS everywhere but on UNIX sockets, which get the mode
// 0600. Errors name the address and what is wrong with it ("already in use"). `services` outlive
// it.
absl::StatusOr<Listeners> Listen(const v1::CollectorConfig& config,
                                 const std::vector<grpc::Service*>& services);

}  // namespace hoptrail::collector::app

#endif  // HOPTRAIL_COLLECTOR_APP_LISTENERS_H_
