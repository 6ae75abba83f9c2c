#ifndef HOPTRAIL_CLI_CLIENT_H_
#define HOPTRAIL_CLI_CLIENT_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include <hoptrail/v1/config.pb.h>
#include <hoptrail/v1/detection.pb.h>
#include <hoptrail/v1/fleet.pb.h>
#include <hoptrail/v1/graph.pb.h>

namespace hoptrail::cli {

// Calls the public API; each call has a deadline. Lists are complete: their pages are joined.
// Errors carry the server's code and message; without a connection, the reason and what to do.
// gRPC's own log is silent from the first Create() on. Used by one thread.
class Client {
 public:
  // Reads the TLS files; the connection itself is made by the first call.
  static absl::StatusOr<std::unique_ptr<Client>> Create(const v1::CollectorAddress& collector);
  ~Client();

  // The collector's health; UNAVAILABLE where it cannot be reached.
  struct Health {
    bool reading = true;  // it answers queries; false: its engine makes no progress
    absl::Status query;   // of a query that reads the store
    std::string trouble;  // why answers may lack something; empty where they lack nothing
  };
  absl::StatusOr<Health> GetHealth();

  // At most `limit` entries (0: all); `next_page_token` stays set where more exist.
  absl::StatusOr<v1::ListHostsResponse> ListHosts(int64_t limit);
  absl::StatusOr<v1::Host> GetHost(const std::string& name);
  absl::Status RemoveHost(const std::string& name);
  absl::StatusOr<v1::ListSessionsResponse> ListSessions(const std::string& filter, int64_t limit);
  absl::StatusOr<v1::ListDetectionsResponse> ListDetections(int64_t limit);
  absl::StatusOr<v1::ListIncidentsResponse> ListIncidents(const std::string& filter, int64_t limit);
  absl::StatusOr<v1::Detection> GetDetection(const std::string& name);
  absl::StatusOr<v1::Incident> GetIncident(const std::string& name);
  absl::StatusOr<v1::Path> GetPath(const std::string& name);
  absl::StatusOr<v1::Incident> Acknowledge(const std::string& name);
  absl::StatusOr<v1::Incident> Resolve(const std::string& name);

  // Calls `each` for every answer until the stream ends. Returns why it ended.
  absl::Status WatchDetections(const std::string& resume_token,
                               absl::FunctionRef<void(const v1::WatchDetectionsResponse&)> each);

 private:
  struct Stubs;
  explicit Client(std::unique_ptr<Stubs> stubs);

  const std::unique_ptr<Stubs> stubs_;
};

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_CLIENT_H_
