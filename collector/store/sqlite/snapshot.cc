#include "collector/store/sqlite/snapshot.h"

#include <string>
#include <utility>

#include "absl/strings/string_view.h"

#include "collector/store/sqlite/address_search.h"
#include "collector/store/sqlite/codec.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"

namespace hoptrail::collector::store {
namespace {

// A damaged value is left out, and the service goes on without it.
template <typename T>
bool Usable(const absl::StatusOr<T>& value) {
  if (!value.ok()) LogError("store", "left out: ", value.status().message());
  return value.ok();
}

template <typename T>
absl::Status LoadAll(sqlite::Database* database, absl::string_view sql,
                     absl::StatusOr<T> (*decode)(absl::string_view), std::vector<T>* out) {
  HT_ASSIGN_OR_RETURN(sqlite::Statement select, database->Prepare(sql));
  while (true) {
    HT_ASSIGN_OR_RETURN(bool row, select.Step());
    if (!row) return absl::OkStatus();
    absl::StatusOr<T> value = decode(select.Blob(0));
    if (Usable(value)) out->push_back(*std::move(value));
  }
}

}  // namespace

absl::StatusOr<Snapshot> LoadSnapshot(sqlite::Database* database) {
  Snapshot all;
  HT_RETURN_IF_ERROR(LoadAll(database, "SELECT data FROM sessions ORDER BY arrived, id",
                             DecodeSession, &all.sessions));
  HT_ASSIGN_OR_RETURN(sqlite::Statement hops,
                      database->Prepare("SELECT id, data FROM hops ORDER BY arrived, id"));
  while (true) {
    HT_ASSIGN_OR_RETURN(bool row, hops.Step());
    if (!row) break;
    absl::StatusOr<model::Hop> hop = DecodeHop(hops.Blob(1));
    if (!Usable(hop)) continue;
    all.hops.push_back({.key = IdFrom<graph::HopId>(hops.Blob(0)), .hop = *std::move(hop)});
  }
  HT_RETURN_IF_ERROR(LoadAll(database, "SELECT data FROM detections ORDER BY arrived, id",
                             DecodeDetection, &all.detections));
  HT_RETURN_IF_ERROR(LoadAll(database, "SELECT data FROM incidents ORDER BY opened, id",
                             DecodeIncident, &all.incidents));
  HT_ASSIGN_OR_RETURN(all.addresses, LoadAddresses(database));
  return all;
}

absl::StatusOr<std::vector<HostRow>> LoadHosts(sqlite::Database* database) {
  std::vector<HostRow> hosts;
  HT_ASSIGN_OR_RETURN(
      sqlite::Statement select,
      database->Prepare("SELECT id, host_name, state, last_seen, acknowledged, listed, connected,"
                        " collector_degradations, incarnation, nonce, health FROM hosts"
                        " ORDER BY connected"));
  while (true) {
    HT_ASSIGN_OR_RETURN(bool row, select.Step());
    if (!row) return hosts;
    auto degradations = DecodeDegradations(select.Blob(7));
    if (!Usable(degradations)) degradations.emplace();
    absl::StatusOr<model::AgentHealth> health = model::AgentHealth();
    if (!select.Blob(10).empty()) health = DecodeHealth(select.Blob(10));
    if (!Usable(health)) health.emplace();
    hosts.push_back({.host = HostFrom(select.Blob(0)),
                     .host_name = std::string(select.Text(1)),
                     .state = static_cast<HostState>(select.Int(2)),
                     .listed = select.Int(5) != 0,
                     .connected_wall_ns = select.Int(6),
                     .last_seen_wall_ns = select.Int(3),
                     .acknowledged_sequence = static_cast<uint64_t>(select.Int(4)),
                     .collector_degradations = *std::move(degradations),
                     .incarnation = {static_cast<uint64_t>(select.Int(8)),
                                     IdFrom<model::Nonce>(select.Blob(9))},
                     .addresses = std::move(health->addresses),
                     .agent_started_wall_ns = health->started_wall_ns});
  }
}

}  // namespace hoptrail::collector::store
