// Which hosts an address is one of.

#include <set>

#include "collector/store/sqlite/codec.h"
#include "collector/store/sqlite/reader.h"
#include "core/base/status_macros.h"
#include "core/model/title.h"
#include "hoptrail/v1/sensor.pb.h"

namespace hoptrail::collector::store {

// Reports are searched for the address's text, and only those that hold it are read.
absl::StatusOr<std::vector<std::string>> Reader::HostsWithAddress(const model::IpAddress& address) {
  const std::string text = model::ToString(address);
  HT_ASSIGN_OR_RETURN(sqlite::Statement select,
                      database_.Prepare("SELECT id, host_name, health FROM hosts"
                                        " WHERE instr(health, CAST(?1 AS BLOB)) > 0"
                                        " ORDER BY last_seen DESC"));
  select.BindText(1, text);
  std::vector<std::string> hosts;
  std::set<std::string> named;  // a host has a row for each of its boots
  while (hosts.size() < kMaxAddressHosts) {
    HT_ASSIGN_OR_RETURN(bool row, select.Step());
    if (!row) break;
    v1::AgentHealth health;
    const absl::string_view data = select.Blob(2);
    if (!health.ParseFromArray(data.data(), static_cast<int>(data.size()))) continue;
    bool has = false;
    for (const std::string& own : health.addresses()) has = has || own == text;
    if (!has) continue;
    std::string title = model::HostTitle(select.Text(1), HostFrom(select.Blob(0)));
    if (named.insert(title).second) hosts.push_back(std::move(title));
  }
  return hosts;
}

}  // namespace hoptrail::collector::store
