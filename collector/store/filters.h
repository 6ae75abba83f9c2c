#ifndef HOPTRAIL_COLLECTOR_STORE_FILTERS_H_
#define HOPTRAIL_COLLECTOR_STORE_FILTERS_H_

// The filters of lists, and the place where a list's next page begins. Every field that is set must
// match. A host without a boot stands for all boots of the machine.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collector/store/host_state.h"
#include "core/model/detection.h"
#include "core/model/hop.h"
#include "core/model/ids.h"
#include "core/model/net.h"
#include "core/model/session.h"

namespace hoptrail::collector::store {

struct SessionFilter {
  std::optional<model::HostId> host;
  std::optional<std::string> host_name;
  std::optional<std::string> user;
  std::vector<model::EntryKind> kinds;  // any of these; empty: every kind
  std::optional<bool> logged_in;
  std::optional<bool> open;
  // Open, or last reported at this time or later by the collector's clock.
  std::optional<int64_t> active_since_wall_ns;
};

struct HopFilter {
  std::optional<model::HostId> host;        // either end
  std::optional<model::SessionId> session;  // either end
  std::optional<model::Proof> proof;
};

struct EdgeFilter {
  std::optional<model::HostId> host;
  std::optional<model::IpAddress> peer;
  std::optional<std::string> program;
  std::optional<uint16_t> server_port;
  std::optional<model::HopSide> side;
  std::optional<uint8_t> protocol;
};

struct DetectionFilter {
  std::optional<std::string> rule;
  std::optional<model::Severity> severity;
  std::optional<model::Severity> least_severity;
  std::optional<model::SessionId> session;
  std::optional<model::HostId> host;
  std::optional<std::string> host_name;
  std::optional<model::IncidentId> incident;
};

struct IncidentFilter {
  std::optional<model::IncidentState> state;
  std::optional<model::Severity> severity;
  std::optional<model::Severity> least_severity;
  std::optional<model::SessionId> root;
};

struct HostFilter {
  std::optional<std::string> host_name;
  std::optional<HostState> state;
};

// The place of a row in the order of its list. The next page begins after it.
struct Cursor {
  int64_t number = 0;  // arrival number or revision, in lists sorted by one
  std::string text;    // name, in lists sorted by name
  std::string key;     // id, which distinguishes rows that are otherwise equal

  bool operator==(const Cursor&) const = default;
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_FILTERS_H_
