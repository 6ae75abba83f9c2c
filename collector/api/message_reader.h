#ifndef HOPTRAIL_COLLECTOR_API_MESSAGE_READER_H_
#define HOPTRAIL_COLLECTOR_API_MESSAGE_READER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "collector/store/reader.h"
#include <hoptrail/v1/detection.pb.h>
#include <hoptrail/v1/fleet.pb.h>
#include <hoptrail/v1/graph.pb.h>

namespace hoptrail::collector::api {

// Reads the store and returns messages of the public API. Fields that only a live stream knows stay
// unset. Errors are those of store::Reader. Used by one thread; its end returns the borrowed
// reader.
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
  absl::StatusOr<v1::Hop> GetHop(const graph::HopId& id);
  absl::StatusOr<v1::Detection> GetDetection(const model::DetectionId& id);
  absl::StatusOr<v1::Incident> GetIncident(const model::IncidentId& id);
  absl::StatusOr<v1::Host> GetHost(const model::MachineId& machine);
  // Fills in Incident.deliveries.
  absl::Status AddDeliveries(v1::Incident* incident);
  // Fills in Incident.degraded_hosts. `everywhere` is a degradation that every host has.
  absl::Status AddDegradedHosts(v1::Incident* incident,
                                const std::optional<model::Degradation>& everywhere);
  // The detections of one session, oldest first.
  absl::StatusOr<std::vector<v1::Detection>> DetectionsOf(const model::SessionId& id, int limit);
  absl::StatusOr<std::vector<store::Change<v1::Detection>>> DetectionsAfter(
      const store::DetectionFilter& filter, int64_t after, int limit);
  absl::StatusOr<std::vector<store::Change<v1::Incident>>> IncidentsAfter(
      const store::IncidentFilter& filter, int64_t after, int limit);

  // As in store::Reader.
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
  absl::StatusOr<std::vector<store::AddressHostView>> HostsWithAddress(
      const model::IpAddress& address) {
    return reader_->HostsWithAddress(address);
  }
  absl::StatusOr<std::string> RawSocketProgram(const model::HostId& host, int64_t from_wall_ns,
                                               int64_t until_wall_ns) {
    return reader_->RawSocketProgram(host, from_wall_ns, until_wall_ns);
  }
  absl::StatusOr<int64_t> Revision() { return reader_->Revision(); }
  absl::StatusOr<std::string> Epoch() { return reader_->Epoch(); }

 private:
  const store::ReaderLease reader_;
};

}  // namespace hoptrail::collector::api

#endif  // HOPTRAIL_COLLECTOR_API_MESSAGE_READER_H_
