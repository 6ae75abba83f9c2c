// The part of EngineLoop that keeps the list of machines and their boots.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "collector/engine/loop/engine_loop.h"
#include "core/base/log.h"
#include "core/wire/resource_names.h"

namespace hoptrail::collector::engine {
namespace {

using store::HostState;

// A message of the older boot may be read a moment after the newer one's first.
constexpr int64_t kCrossingNs = 2'000'000'000;
constexpr char kBothUp[] = "boots of this machine are connected at the same time";

}  // namespace

void EngineLoop::RestoreHost(const store::HostRow& row) {
  HostEntry& entry = hosts_[row.host];
  entry.host_name = row.host_name;
  entry.listed = row.listed;
  entry.connected_wall_ns = row.connected_wall_ns;
  entry.state = row.state;
  // Over a restart there is only the wall clock, which may have been put back meanwhile.
  entry.heard_boot_ns = static_cast<int64_t>(options_.clock->BootNs()) -
                        std::max<int64_t>(0, options_.clock->WallNs() - row.last_seen_wall_ns);
  entry.applied = row.acknowledged_sequence;
  entry.collector_degradations = row.collector_degradations;
  entry.confirmed = row.incarnation;
  for (const model::Degradation& each : row.collector_degradations) {
    if (each.kind == model::DegradationKind::kCloneSuspected && each.detail != kBothUp) {
      entry.suspected_boot_ns = static_cast<int64_t>(options_.clock->BootNs());
    }
  }
  // Found again where it is so still: streams do not survive the process.
  Undegrade(row.host, &entry, model::DegradationKind::kCloneSuspected, kBothUp);
  last_connected_wall_ns_ = std::max(last_connected_wall_ns_, row.connected_wall_ns);
  auto [newest, first] = newest_boot_.try_emplace(row.host.machine, row.host.boot);
  if (first) return;
  const HostEntry& other = hosts_.at({row.host.machine, newest->second});
  if (other.connected_wall_ns < entry.connected_wall_ns) newest->second = row.host.boot;
}

void EngineLoop::NoteConnected(const model::HostId& host, HostEntry* entry) {
  const auto now = static_cast<int64_t>(options_.clock->BootNs());
  auto [newest, first] = newest_boot_.try_emplace(host.machine, host.boot);
  const HostEntry* const other = HolderOf(host, newest->second);
  if (other != nullptr) {
    // The machine is shown as the agent that was there before, not as the second one.
    entry->connected_wall_ns = other->connected_wall_ns - 1;
  } else {
    last_connected_wall_ns_ = std::max(last_connected_wall_ns_ + 1, options_.clock->WallNs());
    entry->connected_wall_ns = last_connected_wall_ns_;
  }
  entry->listed = true;
  entry->broken_boot_ns = 0;
  entry->followed_boot_ns = 0;
  entry->silence.reset();
  batch_.hosts[host].connected_wall_ns = entry->connected_wall_ns;
  if (first || newest->second == host.boot || other != nullptr) return;
  const model::HostId before{host.machine, std::exchange(newest->second, host.boot)};
  auto it = hosts_.find(before);
  if (it == hosts_.end()) return;
  HostEntry& older = it->second;
  older.followed_boot_ns = now;
  LogInfo("ingest", entry->host_name, " (", model::ToString(host.machine), ") is up as boot ",
          model::ToString(host.boot), ", which follows ", model::ToString(before.boot));
  if (older.silence) {
    // Told already, of a machine that was merely starting again, or was made to.
    absl::StrAppend(&older.silence->detail, "; the machine has come back since, as boot ",
                    model::ToString(host.boot));
    engine_->Apply(*older.silence, &outcome_);
    older.silence.reset();
  }
  if (older.sink != nullptr) return;  // perhaps it is up still
  backlog_.Forget(before);
  older.broken_boot_ns = 0;
  if (older.state != HostState::kSilent) return;
  older.state = HostState::kDisconnected;
  batch_.hosts[before].state = older.state;
}

const EngineLoop::HostEntry* EngineLoop::HolderOf(const model::HostId& assumed,
                                                  const model::BootId& newest) const {
  if (!model::IsAssumed(assumed.boot) || newest == assumed.boot) return nullptr;
  auto it = hosts_.find({assumed.machine, newest});
  return it == hosts_.end() || it->second.sink == nullptr ? nullptr : &it->second;
}

bool EngineLoop::HasEnded(const model::HostId& host, const HostEntry& entry) const {
  if (entry.sink != nullptr) return false;
  auto newest = newest_boot_.find(host.machine);
  return newest != newest_boot_.end() && newest->second != host.boot;
}

bool EngineLoop::OutlivedNext(const HostEntry& entry, int64_t heard_boot_ns) const {
  return heard_boot_ns > entry.followed_boot_ns + kCrossingNs;
}

void EngineLoop::NoteBothUp(const model::HostId& host, HostEntry* entry, bool both) {
  auto newest = newest_boot_.find(host.machine);
  if (newest == newest_boot_.end() || newest->second == host.boot) return;
  const model::HostId other{host.machine, newest->second};
  auto next = hosts_.find(other);
  if (next == hosts_.end()) return;
  constexpr auto kKind = model::DegradationKind::kCloneSuspected;
  const bool up = both && next->second.sink != nullptr;
  for (const auto& [id, each] : {std::pair(host, entry), std::pair(other, &next->second)}) {
    if (each->suspected_boot_ns != 0) continue;  // what is known of it says more
    if (up) {
      Degrade(id, each, kKind, kBothUp);
    } else {
      Undegrade(id, each, kKind, kBothUp);
    }
  }
}

void EngineLoop::Degrade(const model::HostId& host, HostEntry* entry, model::DegradationKind kind,
                         std::string detail) {
  auto& all = entry->collector_degradations;
  auto known =
      std::find_if(all.begin(), all.end(), [kind](const auto& d) { return d.kind == kind; });
  if (known != all.end() && known->detail == detail) return;
  LogWarning("ingest", entry->host_name, " (", model::ToString(host), "): ", detail);
  if (known == all.end()) {
    all.push_back({kind, std::move(detail), options_.clock->WallNs()});
  } else {
    known->detail = std::move(detail);
  }
  batch_.hosts[host].collector_degradations = all;
}

void EngineLoop::Undegrade(const model::HostId& host, HostEntry* entry, model::DegradationKind kind,
                           absl::string_view detail) {
  auto& all = entry->collector_degradations;
  const auto over = std::remove_if(all.begin(), all.end(), [&](const model::Degradation& d) {
    return d.kind == kind && (detail.empty() || detail == d.detail);
  });
  if (over == all.end()) return;
  all.erase(over, all.end());
  batch_.hosts[host].collector_degradations = all;
}

void EngineLoop::Unlist(const model::HostId& host, HostEntry* entry) {
  entry->listed = false;
  entry->broken_boot_ns = 0;
  entry->silence.reset();
  entry->collector_degradations.clear();
  backlog_.Forget(host);
  store::HostChange& change = batch_.hosts[host];
  change.listed = false;
  change.collector_degradations.emplace();
}

void EngineLoop::Answer(RemoveHostRequest& request) {
  std::vector<model::HostId> boots;
  absl::Status status =
      absl::NotFoundError(absl::StrCat("there is no host ", wire::ResourceName(request.host)));
  for (const auto& [host, entry] : hosts_) {
    if (host.machine != request.host.machine || !entry.listed) continue;
    if (!request.host.boot.empty() && host.boot != request.host.boot) continue;
    boots.push_back(host);
    status = absl::OkStatus();
    if (entry.sink == nullptr) continue;
    status = absl::FailedPreconditionError(absl::StrCat("the agent of ", entry.host_name,
                                                        " is connected (", wire::ResourceName(host),
                                                        "): stop it there first"));
    break;
  }
  if (status.ok()) {
    for (const model::HostId& host : boots) {
      HostEntry& entry = hosts_.at(host);
      LogInfo("audit", request.who, " removed ", wire::ResourceName(host), " (", entry.host_name,
              ") from the list of hosts");
      Unlist(host, &entry);
    }
  }
  after_commit_.push_back([done = std::move(request.done), status] { done(status); });
}

// Those that have not been heard for as long as facts are kept leave the list, and memory when no
// session names them any more.
void EngineLoop::ForgetHosts() {
  const int64_t before = options_.clock->WallNs() - store_->max_age_ns();
  const int64_t before_boot_ns =
      static_cast<int64_t>(options_.clock->BootNs()) - store_->max_age_ns();
  for (auto& [host, entry] : hosts_) {
    if (entry.sink != nullptr || !entry.listed || entry.heard_boot_ns >= before_boot_ns) continue;
    LogInfo("ingest", "nothing was heard of ", entry.host_name, " (", model::ToString(host),
            ") for as long as facts are kept: it leaves the list");
    Unlist(host, &entry);
  }
  absl::StatusOr<std::vector<model::HostId>> forgotten = store_->ForgetHosts(before);
  if (!forgotten.ok()) {
    LogError("store", "retention of hosts: ", forgotten.status().ToString());
    return;
  }
  for (const model::HostId& host : *forgotten) {
    hosts_.erase(host);
    auto newest = newest_boot_.find(host.machine);
    if (newest != newest_boot_.end() && newest->second == host.boot) newest_boot_.erase(newest);
    engine_->ForgetHost(host);
  }
}

}  // namespace hoptrail::collector::engine
