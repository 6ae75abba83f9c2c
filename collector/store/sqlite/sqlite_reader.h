#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_SQLITE_READER_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_SQLITE_READER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "collector/store/reader.h"
#include "core/sqlite/database.h"

namespace hoptrail::collector::store {

// A read-only connection to the file.
class SqliteReader final : public Reader {
 public:
  static absl::StatusOr<std::unique_ptr<Reader>> Open(const std::string& path);

  absl::StatusOr<Page<SessionView>> ListSessions(const SessionFilter& filter,
                                                 const std::optional<Cursor>& after,
                                                 int limit) override;
  absl::StatusOr<Page<StoredHop>> ListHops(const HopFilter& filter,
                                           const std::optional<Cursor>& after, int limit) override;
  absl::StatusOr<Page<model::EdgeCount>> ListEdges(const EdgeFilter& filter,
                                                   const std::optional<Cursor>& after,
                                                   int limit) override;
  absl::StatusOr<Page<DetectionView>> ListDetections(const DetectionFilter& filter,
                                                     const std::optional<Cursor>& after,
                                                     int limit) override;
  absl::StatusOr<Page<model::Incident>> ListIncidents(const IncidentFilter& filter,
                                                      const std::optional<Cursor>& after,
                                                      int limit) override;
  absl::StatusOr<Page<HostView>> ListHosts(const HostFilter& filter,
                                           const std::optional<Cursor>& after, int limit) override;

  absl::StatusOr<model::SessionId> FindSession(absl::string_view digits) override;
  absl::StatusOr<model::DetectionId> FindDetection(absl::string_view digits) override;
  absl::StatusOr<model::IncidentId> FindIncident(absl::string_view digits) override;
  absl::StatusOr<model::HostId> FindHost(absl::string_view digits_or_name) override;

  absl::StatusOr<SessionView> GetSession(const model::SessionId& id) override;
  absl::StatusOr<StoredHop> GetHop(const graph::HopId& id) override;
  absl::StatusOr<DetectionView> GetDetection(const model::DetectionId& id) override;
  absl::StatusOr<model::Incident> GetIncident(const model::IncidentId& id) override;
  absl::StatusOr<std::optional<DeliveryView>> DeliveryOf(const model::IncidentId& id) override;
  absl::StatusOr<std::vector<DegradedHostView>> DegradedHostsOf(const model::IncidentId& id,
                                                                bool all) override;
  absl::StatusOr<HostView> GetHost(const model::MachineId& machine) override;
  absl::StatusOr<std::vector<AddressHostView>> HostsWithAddress(
      const model::IpAddress& address) override;
  absl::StatusOr<std::string> RawSocketProgram(const model::HostId& host, int64_t from_wall_ns,
                                               int64_t until_wall_ns) override;
  absl::StatusOr<std::vector<DetectionView>> DetectionsOf(const model::SessionId& id,
                                                          int limit) override;

  absl::StatusOr<std::vector<Change<DetectionView>>> DetectionsAfter(const DetectionFilter& filter,
                                                                     int64_t after,
                                                                     int limit) override;
  absl::StatusOr<std::vector<Change<model::Incident>>> IncidentsAfter(const IncidentFilter& filter,
                                                                      int64_t after,
                                                                      int limit) override;
  absl::StatusOr<int64_t> Revision() override;
  absl::StatusOr<std::string> Epoch() override;

 private:
  explicit SqliteReader(sqlite::Database database);

  sqlite::Database database_;
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_SQLITE_READER_H_
