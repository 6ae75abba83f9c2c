#include "collector/store/sqlite/address_search.h"

#include <algorithm>
#include <utility>

#include "absl/container/btree_map.h"

#include "collector/store/reader.h"
#include "collector/store/sqlite/blobs.h"
#include "collector/store/sqlite/report_codec.h"
#include "collector/store/sqlite/rows.h"
#include "core/base/saturating.h"
#include "core/base/status_macros.h"
#include "core/model/fact.h"
#include "core/model/title.h"

namespace hoptrail::collector::store {
namespace {

// The boot as which a machine is shown, listed or not.
constexpr char kNewestOfMachine[] =
    "SELECT h.id, h.host_name, h.health, h.state, h.last_seen, " HT_NAME_IS_SHARED
    " FROM hosts h WHERE h.machine = ?1 ORDER BY h.listed DESC, h.state = 1 DESC,"
    " h.connected DESC, h.last_seen DESC, h.id DESC LIMIT 1";

// Datagrams and ICMP have protocols of their own that the kernel counts like this; all others are
// raw or packet sockets.
constexpr char kRawEdge[] =
    "SELECT program FROM edges WHERE host = ?1 AND minute BETWEEN ?2 AND ?3 AND side = 1 AND"
    " protocol NOT IN (0, 1, 6, 17, 58, 132) ORDER BY protocol DESC, minute DESC LIMIT 1";

absl::Status AddNewestBoot(sqlite::Database* database, const model::MachineId& machine,
                           const model::IpAddress& address, AddressHostView* view) {
  HT_ASSIGN_OR_RETURN(sqlite::Statement select, database->Prepare(kNewestOfMachine));
  select.BindBlob(1, Blob(machine));
  HT_ASSIGN_OR_RETURN(bool row, select.Step());
  if (!row) {  // an operator has removed the host
    view->host.machine = machine;
    return absl::OkStatus();
  }
  view->host = HostFrom(select.Blob(0));
  view->host_name = model::DistinctHostName(select.Text(1), machine, select.Int(5) != 0);
  view->state = static_cast<HostState>(select.Int(3));
  view->last_seen_wall_ns = select.Int(4);
  const absl::StatusOr<model::AgentHealth> health = DecodeHealth(select.Blob(2));
  if (!health.ok()) return absl::OkStatus();
  view->agent_started_wall_ns = health->started_wall_ns;
  const auto& own = health->addresses;
  view->has_address = std::find(own.begin(), own.end(), address) != own.end();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<AddressHostView>> HostsWithAddress(sqlite::Database* database,
                                                              const model::IpAddress& address) {
  HT_ASSIGN_OR_RETURN(sqlite::Statement select,
                      database->Prepare("SELECT substr(host, 1, 16), min(first), max(last) FROM"
                                        " host_addresses WHERE address = ?1 GROUP BY 1"
                                        " ORDER BY max(last) DESC, 1 LIMIT ?2"));
  // More than are returned, since those that still have the address come first.
  select.BindBlob(1, Blob(address)).BindInt(2, 4 * Reader::kMaxAddressHosts);
  std::vector<AddressHostView> hosts;
  while (true) {
    HT_ASSIGN_OR_RETURN(bool row, select.Step());
    if (!row) break;
    AddressHostView& view = hosts.emplace_back();
    view.first_wall_ns = select.Int(1);
    view.last_wall_ns = select.Int(2);
    const auto machine = IdFrom<model::MachineId>(select.Blob(0));
    HT_RETURN_IF_ERROR(AddNewestBoot(database, machine, address, &view));
  }
  std::stable_partition(hosts.begin(), hosts.end(),
                        [](const AddressHostView& host) { return host.has_address; });
  if (hosts.size() > Reader::kMaxAddressHosts) hosts.resize(Reader::kMaxAddressHosts);
  return hosts;
}

absl::StatusOr<std::string> RawSocketProgram(sqlite::Database* database, const model::HostId& host,
                                             int64_t from_wall_ns, int64_t until_wall_ns) {
  constexpr int64_t kMinuteNs = int64_t{60} * 1'000'000'000;
  HT_ASSIGN_OR_RETURN(sqlite::Statement select, database->Prepare(kRawEdge));
  select.BindBlob(1, Blob(host))
      .BindInt(2, SaturatingSubtract(from_wall_ns, kMinuteNs))
      .BindInt(3, until_wall_ns);
  HT_ASSIGN_OR_RETURN(bool row, select.Step());
  if (!row) return "";
  const std::string program(select.Text(0));
  return program.empty() ? "an unknown program" : program;
}

absl::StatusOr<std::vector<AddressRow>> LoadAddresses(sqlite::Database* database) {
  HT_ASSIGN_OR_RETURN(
      sqlite::Statement select,
      database->Prepare("SELECT host, address, first, last FROM host_addresses ORDER BY last"));
  std::vector<AddressRow> rows;
  while (true) {
    HT_ASSIGN_OR_RETURN(bool row, select.Step());
    if (!row) return rows;
    rows.push_back({.host = HostFrom(select.Blob(0)),
                    .address = IdFrom<model::IpAddress>(select.Blob(1)),
                    .first_wall_ns = select.Int(2),
                    .last_wall_ns = select.Int(3)});
  }
}

absl::Status MoveAddresses(sqlite::Database* database) {
  HT_ASSIGN_OR_RETURN(sqlite::Statement hosts,
                      database->Prepare("SELECT id, health, last_seen FROM hosts"));
  HT_ASSIGN_OR_RETURN(sqlite::Statement insert,
                      database->Prepare("INSERT OR IGNORE INTO host_addresses(host, address,"
                                        " first, last) VALUES(?1, ?2, ?3, ?3)"));
  while (true) {
    HT_ASSIGN_OR_RETURN(bool row, hosts.Step());
    if (!row) return absl::OkStatus();
    const absl::StatusOr<model::AgentHealth> health = DecodeHealth(hosts.Blob(1));
    if (!health.ok()) continue;  // damaged, or none was reported
    for (const model::IpAddress& address : health->addresses) {
      insert.BindBlob(1, hosts.Blob(0)).BindBlob(2, Blob(address)).BindInt(3, hosts.Int(2));
      HT_RETURN_IF_ERROR(insert.Run());
    }
  }
}

}  // namespace hoptrail::collector::store
