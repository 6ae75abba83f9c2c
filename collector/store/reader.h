#ifndef HOPTRAIL_COLLECTOR_STORE_READER_H_
#define HOPTRAIL_COLLECTOR_STORE_READER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "collector/store/filters.h"
#include "collector/store/stored_hop.h"
#include "collector/store/views.h"
#include "core/graph/hop_id.h"

namespace hoptrail::collector::store {

// One page of a list. `next` is set when more rows follow.
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

// Answers queries with values. Used by one thread at a time (see Store::BorrowReader). Errors:
// NOT_FOUND for a missing entry, INVALID_ARGUMENT for the beginning of several ids, DATA_LOSS for a
// damaged entry. Reading never waits for writing.
class Reader {
 public:
  virtual ~Reader() = default;

  // `limit` is at least 1; `after` is the `next` of the page before.
  virtual absl::StatusOr<Page<SessionView>> ListSessions(const SessionFilter& filter,
                                                         const std::optional<Cursor>& after,
                                                         int limit) = 0;
  virtual absl::StatusOr<Page<StoredHop>> ListHops(const HopFilter& filter,
                                                   const std::optional<Cursor>& after,
                                                   int limit) = 0;
  virtual absl::StatusOr<Page<model::EdgeCount>> ListEdges(const EdgeFilter& filter,
                                                           const std::optional<Cursor>& after,
                                                           int limit) = 0;
  virtual absl::StatusOr<Page<DetectionView>> ListDetections(const DetectionFilter& filter,
                                                             const std::optional<Cursor>& after,
                                                             int limit) = 0;
  virtual absl::StatusOr<Page<model::Incident>> ListIncidents(const IncidentFilter& filter,
                                                              const std::optional<Cursor>& after,
                                                              int limit) = 0;
  virtual absl::StatusOr<Page<HostView>> ListHosts(const HostFilter& filter,
                                                   const std::optional<Cursor>& after,
                                                   int limit) = 0;

  // `digits`: any unique beginning of the id, at least 4 hexadecimal digits.
  virtual absl::StatusOr<model::SessionId> FindSession(absl::string_view digits) = 0;
  virtual absl::StatusOr<model::DetectionId> FindDetection(absl::string_view digits) = 0;
  virtual absl::StatusOr<model::IncidentId> FindIncident(absl::string_view digits) = 0;
  // Likewise "<machine>" (the result's boot is empty then) or "<machine>.<boot>"; or the host's own
  // name.
  virtual absl::StatusOr<model::HostId> FindHost(absl::string_view digits_or_name) = 0;

  virtual absl::StatusOr<SessionView> GetSession(const model::SessionId& id) = 0;
  virtual absl::StatusOr<StoredHop> GetHop(const graph::HopId& id) = 0;
  virtual absl::StatusOr<DetectionView> GetDetection(const model::DetectionId& id) = 0;
  virtual absl::StatusOr<model::Incident> GetIncident(const model::IncidentId& id) = 0;
  // Nothing where the incident has no page.
  virtual absl::StatusOr<std::optional<DeliveryView>> DeliveryOf(const model::IncidentId& id) = 0;
  // The degraded hosts on the incident's path; with `all` every host on it.
  virtual absl::StatusOr<std::vector<DegradedHostView>> DegradedHostsOf(const model::IncidentId& id,
                                                                        bool all) = 0;
  virtual absl::StatusOr<HostView> GetHost(const model::MachineId& machine) = 0;
  // The machines that have reported this address as their own within the retention, those that
  // still have it first, at most kMaxAddressHosts.
  static constexpr int kMaxAddressHosts = 8;
  virtual absl::StatusOr<std::vector<AddressHostView>> HostsWithAddress(
      const model::IpAddress& address) = 0;
  // A program of the host that sent by a raw or a packet socket in one of the minutes between these
  // times, by the host's clock. Such a socket can carry connections that the kernel does not know.
  // Empty where there is none.
  virtual absl::StatusOr<std::string> RawSocketProgram(const model::HostId& host,
                                                       int64_t from_wall_ns,
                                                       int64_t until_wall_ns) = 0;
  // The detections of one session, oldest first.
  virtual absl::StatusOr<std::vector<DetectionView>> DetectionsOf(const model::SessionId& id,
                                                                  int limit) = 0;

  // Changed rows with a revision above `after`, in the order of their revisions.
  virtual absl::StatusOr<std::vector<Change<DetectionView>>> DetectionsAfter(
      const DetectionFilter& filter, int64_t after, int limit) = 0;
  virtual absl::StatusOr<std::vector<Change<model::Incident>>> IncidentsAfter(
      const IncidentFilter& filter, int64_t after, int limit) = 0;
  // The last revision, and an id that distinguishes this store from one that was quarantined.
  virtual absl::StatusOr<int64_t> Revision() = 0;
  virtual absl::StatusOr<std::string> Epoch() = 0;
};

// A borrowed reader. The end of the lease returns it.
using ReaderLease = std::unique_ptr<Reader, std::function<void(Reader*)>>;

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_READER_H_
