#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_READER_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_READER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "collector/store/filters.h"
#include "core/graph/hop_key.h"
#include "core/sqlite/database.h"
#include "hoptrail/v1/detection.pb.h"
#include "hoptrail/v1/fleet.pb.h"
#include "hoptrail/v1/graph.pb.h"

namespace hoptrail::collector::store {

// One page of a list. `next` is set when there is more.
template <typename T>
struct Page {
  std::vector<T> items;
  std::optional<Cursor> next;
};

// One changed row with its revision.
template <typename T>
struct Change {
  int64_t revision = 0;
  T value;
};

// A read-only connection. It answers in the messages of the public API, complete but for what only
// a live stream knows. One thread at a time (see ReaderPool). NOT_FOUND for what is not there;
// INVALID_ARGUMENT for a beginning of an id that fits several. Reading never waits for writing.
class Reader {
 public:
  static absl::StatusOr<std::unique_ptr<Reader>> Open(const std::string& path);

  // `limit` is at least 1; `after` as an earlier page gave it.
  absl::StatusOr<Page<v1::Session>> ListSessions(const SessionFilter& filter,
                                                 const std::optional<Cursor>& after, int limit);
  absl::StatusOr<Page<v1::Hop>> ListHops(const HopFilter& filter,
                                         const std::optional<Cursor>& after, int limit);
  absl::StatusOr<Page<v1::Edge>> ListEdges(const EdgeFilter& filter,
                                           const std::optional<Cursor>& after, int limit);
  absl::StatusOr<Page<v1::Detection>> ListDetections(const DetectionFilter& filter,
                                                     const std::optional<Cursor>& after, int limit);
  absl::StatusOr<Page<v1::Incident>> ListIncidents(const IncidentFilter& filter,
                                                   const std::optional<Cursor>& after, int limit);
  absl::StatusOr<Page<v1::Host>> ListHosts(const HostFilter& filter,
                                           const std::optional<Cursor>& after, int limit);

  // `digits`: any unique beginning of the id, at least 4 hexadecimal digits.
  absl::StatusOr<model::SessionId> FindSession(absl::string_view digits);
  absl::StatusOr<model::DetectionId> FindDetection(absl::string_view digits);
  absl::StatusOr<model::IncidentId> FindIncident(absl::string_view digits);
  // The same of "<machine>" (the boot is empty then) or "<machine>.<boot>", or the host's own name.
  absl::StatusOr<model::HostId> FindHost(absl::string_view digits_or_name);

  absl::StatusOr<v1::Session> GetSession(const model::SessionId& id);
  absl::StatusOr<v1::Hop> GetHop(const graph::HopKey& key);
  absl::StatusOr<v1::Detection> GetDetection(const model::DetectionId& id);
  absl::StatusOr<v1::Incident> GetIncident(const model::IncidentId& id);
  // Incident.deliveries.
  absl::Status AddDeliveries(v1::Incident* incident);
  // Incident.degraded_hosts. `everywhere`: what is so on every host.
  absl::Status AddDegradedHosts(v1::Incident* incident,
                                const std::optional<model::Degradation>& everywhere);
  absl::StatusOr<v1::Host> GetHost(const model::MachineId& machine);
  absl::StatusOr<std::string> HostName(const model::HostId& id);  // empty where unknown
  // Titles of the hosts that have said that this address is one of theirs, at most
  // kMaxAddressHosts.
  static constexpr int kMaxAddressHosts = 8;
  absl::StatusOr<std::vector<std::string>> HostsWithAddress(const model::IpAddress& address);
  // Those tied to one session, oldest first.
  absl::StatusOr<std::vector<v1::Detection>> DetectionsOf(const model::SessionId& id, int limit);

  // Changed rows with a revision above `after`, in the order of their revisions.
  absl::StatusOr<std::vector<Change<v1::Detection>>> DetectionsAfter(const DetectionFilter& filter,
                                                                     int64_t after, int limit);
  absl::StatusOr<std::vector<Change<v1::Incident>>> IncidentsAfter(const IncidentFilter& filter,
                                                                   int64_t after, int limit);
  // The last revision, and what tells this store from one that was set aside.
  absl::StatusOr<int64_t> Revision();
  absl::StatusOr<std::string> Epoch();

 private:
  explicit Reader(sqlite::Database database);
  absl::StatusOr<std::string> FindId(absl::string_view table, absl::string_view kind,
                                     absl::string_view digits);
  absl::Status AddBoots(v1::Host* host);

  sqlite::Database database_;
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_READER_H_
