#include "collector/store/sqlite/address_search.h"

#include <algorithm>
#include <set>
#include <utility>

#include "collector/store/reader.h"
#include "collector/store/sqlite/blobs.h"
#include "collector/store/sqlite/report_codec.h"
#include "collector/store/sqlite/rows.h"
#include "core/base/status_macros.h"
#include "core/model/title.h"

namespace hoptrail::collector::store {

absl::StatusOr<std::vector<std::string>> HostsWithAddress(sqlite::Database* database,
                                                          const model::IpAddress& address) {
  // Decodes only the reports that contain the address's bytes.
  HT_ASSIGN_OR_RETURN(sqlite::Statement select,
                      database->Prepare("SELECT h.id, h.host_name, h.health, " HT_NAME_IS_SHARED
                                        " FROM hosts h WHERE instr(h.health, ?1) > 0"
                                        " ORDER BY h.last_seen DESC"));
  select.BindBlob(1, Blob(address));
  std::vector<std::string> hosts;
  std::set<std::string> named;  // a host has a row for each of its boots
  while (hosts.size() < Reader::kMaxAddressHosts) {
    HT_ASSIGN_OR_RETURN(bool row, select.Step());
    if (!row) break;
    const absl::StatusOr<model::AgentHealth> health = DecodeHealth(select.Blob(2));
    if (!health.ok()) continue;
    const auto& own = health->addresses;
    if (std::find(own.begin(), own.end(), address) == own.end()) continue;
    const model::HostId host = HostFrom(select.Blob(0));
    std::string title = model::HostTitle(
        model::DistinctHostName(select.Text(1), host.machine, select.Int(3) != 0), host);
    if (named.insert(title).second) hosts.push_back(std::move(title));
  }
  return hosts;
}

}  // namespace hoptrail::collector::store
