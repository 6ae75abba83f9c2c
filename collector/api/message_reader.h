#ifndef HOPTRAIL_COLLECTOR_API_MESSAGE_READER_H_
#define HOPTRAIL_COLLECTOR_API_MESSAGE_READER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "collector/store/store.h"
#include <hoptrail/v1/detection.pb.h>
#include <hoptrail/v1/fleet.pb.h>
#include <hoptrail/v1/graph.pb.h>

namespace hoptrail::collector::api {

// What the store answers, as messages of the public API, complete but for what only a live stream
// knows. Errors are the store's (see store::Reader). One thread; gives its reader back at its end.
class MessageReader {
 public:
  explicit MessageReader(store::ReaderLease reader) : reader_(std::move(reader)) {}

  absl::StatusOr<store::Page<v1::Session>> ListSessions(const store::SessionFilter& filter,
                                                        const std::optional<store::Cursor>& after,
                                                        int limit);
  absl::StatusOr<store::Page<v1::Hop>> ListHops(const store::HopFilter& filter,
                                                const std::optional<store::Cursor>& after,
                                                int limit);
  absl::StatusOr<store::Page<v1::Edge>> ListEdges(const store::EdgeFilter& filter,
                                                  const std::optional<store::Cursor>& after,
                                                  int limit);
  absl::StatusOr<store::Page<v1::Detection>> ListDetections(
      const store::DetectionFilter& filter, const std::optional<store::Cursor>& after, int limit);
  absl::StatusOr<store::Page<v1::Incident>> ListIncidents(const store::IncidentFilter& filter,
                                                          const std::optional<store::Cursor>& after,
                                                          int limit);
  absl::StatusOr<store::Page<v1::Host>> ListHosts(const store::HostFilter& filter,
                                                  const std::optional<store::Cursor>& after,
                                                  int limit);

  absl::StatusOr<v1::Session> GetSession(const model::SessionId& id);
  absl::StatusOr<v1::Hop> GetHop(const graph::HopId& key);
  absl::StatusOr<v1::Detection> GetDetection(const model::DetectionId& id);
  absl::StatusOr<v1::Incident> GetIncident(const model::IncidentId& id);
  absl::StatusOr<v1::Host> GetHost(const model::MachineId& machine);
  // Incident.deliveries.
  absl::Status AddDeliveries(v1::Incident* incident);
  // Incident.degraded_hosts. `everywhere`: what is so on every host.
  absl::Status AddDegradedHosts(v1::Incident* incident,
                                const std::optional<model::Degradation>& everywhere);
  // Those tied to one session, oldest first.
  absl::StatusOr<std::vector<v1::Detection>> DetectionsOf(const model::SessionId& id, int limit);
  absl::StatusOr<std::vector<store::Change<v1::Detection>>> DetectionsAfter(
      const store::DetectionFilter& filter, int64_t after, int limit);
  absl::StatusOr<std::vector<store::Change<v1::Incident>>> IncidentsAfter(
      const store::IncidentFilter& filter, int64_t after, int limit);

  // The store's own answers: what is found by the beginning of its name, and where changes stand.
  absl::StatusOr<model::SessionId> FindSession(absl::string_view digits) {
    return reader_->FindSession(digits);
  }
  absl::StatusOr<model::DetectionId> FindDetection(absl::string_view digits) {
    return reader_->FindDetection(digits);
  }
  absl::StatusOr<model::IncidentId> FindIncident(absl::string_view digits) {
    return reader_->FindIncident(digits);
  }
  absl::StatusOr<model::HostId> FindHost(absl::string_view digits_or_name) {
    return reader_->FindHost(digits_or_name);
  }
  absl::StatusOr<std::vector<std::string>> HostsWithAddress(const model::IpAddress& address) {
    return reader_->HostsWithAddress(address);
  }
  absl::StatusOr<int64_t> Revision() { return reader_->Revision(); }
  absl::StatusOr<std::string> Epoch() { return reader_->Epoch(); }

 private:
  const store::ReaderLease reader_;
};

}  // namespace hoptrail::collector::api

#endif  // HOPTRAIL_COLLECTOR_API_MESSAGE_READER_H_
