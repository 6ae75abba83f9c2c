#include "collector/engine/loop/host_table.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "core/base/log.h"
#include "core/wire/resource_names.h"

namespace hoptrail::collector::engine {
namespace {

using store::HostState;

// The engine may read a message of the older boot shortly after the first message of the newer one.
constexpr int64_t kCrossingNs = 2'000'000'000;
// The machine's disk was copied with its machine id, or its certificate was.
constexpr char kBothUp[] = "boots of this machine are connected at the same time";

}  // namespace

void HostTable::Restore(const std::vector<store::HostRow>& rows) {
  for (const store::HostRow& row : rows) RestoreRow(row);
  for (const store::HostRow& row : rows) {
    HostEntry& entry = hosts_.at(row.host);
    if (row.state == HostState::kConnected ||
        (row.state == HostState::kSilent && HasEnded(row.host, entry))) {
      entry.state = HostState::kDisconnected;  // streams end with the process
      state_->transaction.batch.hosts[row.host].state = entry.state;
    }
    if (!entry.listed || entry.state == HostState::kSilent || HasEnded(row.host, entry)) continue;
    state_->backlog.Expect(row.host, Backlog::kUnconnected,
                           state_->BootNow() + Backlog::kMaxWaitNs);
  }
}

void HostTable::RestoreRow(const store::HostRow& row) {
  HostEntry& entry = hosts_[row.host];
  entry.host_name = row.host_name;
  entry.listed = row.listed;
  entry.connected_wall_ns = row.connected_wall_ns;
  entry.state = row.state;
  // Only the wall clock spans a restart, and somebody may have set it back meanwhile.
  entry.last_message_boot_ns =
      state_->BootNow() - std::max<int64_t>(0, state_->WallNow() - row.last_seen_wall_ns);
  entry.applied_sequence = row.acknowledged_sequence;
  entry.collector_degradations = row.collector_degradations;
  entry.confirmed = row.incarnation;
  for (const model::Degradation& each : row.collector_degradations) {
    if (each.kind == model::DegradationKind::kCloneSuspected && each.detail != kBothUp) {
      entry.suspected_boot_ns = state_->BootNow();
    }
    if (each.kind == model::DegradationKind::kClaimsRefused) {
      entry.refused.last_boot_ns = state_->BootNow();
    }
  }
  // NoteBothUp adds it again if both boots are still up.
  RemoveDegradation(row.host, &entry, model::DegradationKind::kCloneSuspected, kBothUp);
  last_connected_wall_ns_ = std::max(last_connected_wall_ns_, row.connected_wall_ns);
  auto [newest, first] = newest_boot_.try_emplace(row.host.machine, row.host.boot);
  if (first) return;
  const HostEntry& other = hosts_.at({row.host.machine, newest->second});
  if (other.connected_wall_ns < entry.connected_wall_ns) newest->second = row.host.boot;
}

HostEntry* HostTable::Find(const model::HostId& host) {
  auto it = hosts_.find(host);
  return it == hosts_.end() ? nullptr : &it->second;
}

bool HostTable::Knows(const model::HostId& host) const {
  auto it = hosts_.find(host);
  return it != hosts_.end() && it->second.connected_wall_ns != 0;
}

const model::BootId* HostTable::NewestBootOf(const model::MachineId& machine) const {
  auto it = newest_boot_.find(machine);
  return it == newest_boot_.end() ? nullptr : &it->second;
}

void HostTable::NoteMessage(const model::HostId& host, HostEntry* entry) {
  entry->last_message_boot_ns = state_->BootNow();
  store::HostChange& change = state_->transaction.batch.hosts[host];
  change.last_seen_wall_ns = state_->WallNow();
  if (entry->state == HostState::kConnected) return;
  entry->state = HostState::kConnected;
  change.state = entry->state;
}

void HostTable::NoteConnected(const model::HostId& host, HostEntry* entry) {
  auto [newest, first] = newest_boot_.try_emplace(host.machine, host.boot);
  const HostEntry* const holder = HolderOf(host, newest->second);
  if (holder != nullptr) {
    // People see the machine as the agent that was there first, not as the second one.
    entry->connected_wall_ns = holder->connected_wall_ns - 1;
  } else {
    last_connected_wall_ns_ = std::max(last_connected_wall_ns_ + 1, state_->WallNow());
    entry->connected_wall_ns = last_connected_wall_ns_;
  }
  entry->listed = true;
  entry->broken_boot_ns = 0;
  entry->followed_boot_ns = 0;
  entry->silence.reset();
  state_->transaction.batch.hosts[host].connected_wall_ns = entry->connected_wall_ns;
  if (first || newest->second == host.boot || holder != nullptr) return;
  const model::HostId before{host.machine, std::exchange(newest->second, host.boot)};
  HostEntry* const older = Find(before);
  if (older == nullptr) return;
  older->followed_boot_ns = state_->BootNow();
  LogInfo("ingest", entry->host_name, " (", model::ToString(host.machine), ") is up as boot ",
          model::ToString(host.boot), ", which follows ", model::ToString(before.boot));
  if (older->silence) {
    // The engine has the silence already, though the machine was only restarting.
    absl::StrAppend(&older->silence->detail, "; the machine has come back since, as boot ",
                    model::ToString(host.boot));
    state_->engine->NoteTrouble(before, *older->silence, &state_->transaction.outcome);
    older->silence.reset();
  }
  if (older->sink != nullptr) return;  // it may still be up
  state_->backlog.Forget(before);
  older->broken_boot_ns = 0;
  if (older->state != HostState::kSilent) return;
  older->state = HostState::kDisconnected;
  state_->transaction.batch.hosts[before].state = older->state;
}

void HostTable::NoteDisconnected(const model::HostId& host, HostEntry* entry) {
  const std::shared_ptr<bus::AgentSink> sink = std::exchange(entry->sink, nullptr);
  NoteBothUp(host, entry, false);
  const bool rebooted =
      entry->followed_boot_ns != 0 && !OutlivedNext(*entry, sink->LastMessageBootNs());
  if (sink->SaidGoodbye() || rebooted) {
    state_->backlog.Forget(host);
  } else {
    entry->broken_boot_ns = state_->BootNow();
    // After the heartbeat timeout `blinding` reports the silence, and pages need not wait.
    state_->backlog.Expect(host, Backlog::kUnconnected,
                           entry->broken_boot_ns + state_->options.heartbeat_timeout_ns);
  }
  entry->state = HostState::kDisconnected;
  state_->transaction.batch.hosts[host].state = entry->state;
  LogInfo("ingest", "agent of ", entry->host_name, " (", model::ToString(host), ") disconnected");
}

void HostTable::ReportPresence() {
  for (const auto& [host, entry] : hosts_) {
    auto newest = newest_boot_.find(host.machine);
    if (newest != newest_boot_.end() && newest->second != host.boot) continue;
    const bool up = entry.sink != nullptr && entry.state == HostState::kConnected;
    const int64_t ago = state_->BootNow() - entry.last_message_boot_ns;
    state_->engine->SetAgent(host, {.up = up,
                                    .behind = state_->backlog.Expects(host),
                                    .last_seen_wall_ns = state_->WallNow() - ago});
  }
}

std::string HostTable::LastNameOf(const model::HostId& host, const HostEntry& entry) const {
  if (!entry.host_name.empty()) return entry.host_name;
  const model::BootId* newest = NewestBootOf(host.machine);
  if (newest == nullptr) return "";
  auto it = hosts_.find({host.machine, *newest});
  return it == hosts_.end() ? "" : it->second.host_name;
}

void HostTable::UpdateHostName(const model::HostId& host, HostEntry* entry) {
  const HostNames& names = state_->engine->host_names();
  const std::string name = names.Name(host);
  if (name.empty() || name == entry->host_name) return;
  const std::string before = LastNameOf(host, *entry);
  entry->host_name = name;
  state_->transaction.batch.hosts[host].host_name = name;
  if (!before.empty() && before != name) {
    ReplaceDegradation(
        host, entry, model::DegradationKind::kHostNameChanged,
        absl::StrCat("it called itself ", before, " until ",
                     absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixNanos(state_->WallNow()),
                                      absl::UTCTimeZone()),
                     ", and calls itself ", name, " now"));
  }
  if (const auto other = names.OtherMachine(name, host.machine)) {
    ReplaceDegradation(host, entry, model::DegradationKind::kHostNameShared,
                       absl::StrCat("it calls itself ", name, ", as machine ",
                                    model::ToString(*other), " does or did"));
  }
}

const HostEntry* HostTable::HolderOf(const model::HostId& assumed,
                                     const model::BootId& newest) const {
  if (!model::IsAssumed(assumed.boot) || newest == assumed.boot) return nullptr;
  auto it = hosts_.find({assumed.machine, newest});
  return it == hosts_.end() || it->second.sink == nullptr ? nullptr : &it->second;
}

bool HostTable::HasEnded(const model::HostId& host, const HostEntry& entry) const {
  if (entry.sink != nullptr) return false;
  auto newest = newest_boot_.find(host.machine);
  return newest != newest_boot_.end() && newest->second != host.boot;
}

bool HostTable::OutlivedNext(const HostEntry& entry, int64_t last_message_boot_ns) {
  return last_message_boot_ns > entry.followed_boot_ns + kCrossingNs;
}

void HostTable::NoteBothUp(const model::HostId& host, HostEntry* entry, bool both) {
  auto newest = newest_boot_.find(host.machine);
  if (newest == newest_boot_.end() || newest->second == host.boot) return;
  const model::HostId other{host.machine, newest->second};
  HostEntry* const next = Find(other);
  if (next == nullptr) return;
  constexpr auto kKind = model::DegradationKind::kCloneSuspected;
  const bool up = both && next->sink != nullptr;
  for (const auto& [id, each] : {std::pair(host, entry), std::pair(other, next)}) {
    if (each->suspected_boot_ns != 0) continue;  // its degradation has a more precise detail
    if (up) {
      AddDegradation(id, each, kKind, kBothUp);
    } else {
      RemoveDegradation(id, each, kKind, kBothUp);
    }
  }
}

void HostTable::AddDegradation(const model::HostId& host, HostEntry* entry,
                               model::DegradationKind kind, std::string detail) {
  auto& all = entry->collector_degradations;
  auto known =
      std::find_if(all.begin(), all.end(), [kind](const auto& d) { return d.kind == kind; });
  if (known != all.end() && known->detail == detail) return;
  LogWarning("ingest", entry->host_name, " (", model::ToString(host), "): ", detail);
  if (known == all.end()) {
    all.push_back({kind, std::move(detail), state_->WallNow()});
  } else {
    known->detail = std::move(detail);
  }
  state_->transaction.batch.hosts[host].collector_degradations = all;
}

void HostTable::RemoveDegradation(const model::HostId& host, HostEntry* entry,
                                  model::DegradationKind kind, absl::string_view detail) {
  auto& all = entry->collector_degradations;
  const auto removed = std::remove_if(all.begin(), all.end(), [&](const model::Degradation& d) {
    return d.kind == kind && (detail.empty() || detail == d.detail);
  });
  if (removed == all.end()) return;
  all.erase(removed, all.end());
  state_->transaction.batch.hosts[host].collector_degradations = all;
}

void HostTable::ReplaceDegradation(const model::HostId& host, HostEntry* entry,
                                   model::DegradationKind kind, std::string detail) {
  RemoveDegradation(host, entry, kind, "");
  AddDegradation(host, entry, kind, std::move(detail));
}

absl::Status HostTable::Remove(const model::HostId& host, absl::string_view who) {
  std::vector<model::HostId> boots;
  for (const auto& [id, entry] : hosts_) {
    if (id.machine != host.machine || !entry.listed) continue;
    if (!host.boot.empty() && id.boot != host.boot) continue;
    if (entry.sink != nullptr) {
      return absl::FailedPreconditionError(absl::StrCat("the agent of ", entry.host_name,
                                                        " is connected (", wire::ResourceName(id),
                                                        "): stop it there first"));
    }
    boots.push_back(id);
  }
  if (boots.empty()) {
    return absl::NotFoundError(absl::StrCat("there is no host ", wire::ResourceName(host)));
  }
  for (const model::HostId& boot : boots) {
    HostEntry& entry = hosts_.at(boot);
    LogInfo("audit", who, " removed ", wire::ResourceName(boot), " (", entry.host_name,
            ") from the list of hosts");
    Unlist(boot, &entry);
  }
  return absl::OkStatus();
}

void HostTable::Unlist(const model::HostId& host, HostEntry* entry) {
  entry->listed = false;
  entry->broken_boot_ns = 0;
  entry->silence.reset();
  entry->collector_degradations.clear();
  entry->refused = {};
  state_->backlog.Forget(host);
  store::HostChange& change = state_->transaction.batch.hosts[host];
  change.listed = false;
  change.collector_degradations.emplace();
}

void HostTable::ForgetOld() {
  const int64_t kept_ns = state_->store->max_age_ns();
  const int64_t before_boot_ns = state_->BootNow() - kept_ns;
  for (auto& [host, entry] : hosts_) {
    const bool recent = entry.last_message_boot_ns >= before_boot_ns;
    if (entry.sink != nullptr || !entry.listed || recent) continue;
    LogInfo("ingest", entry.host_name, " (", model::ToString(host),
            ") sent nothing for as long as facts are kept: removed from the list of hosts");
    Unlist(host, &entry);
  }
  absl::StatusOr<std::vector<model::HostId>> forgotten =
      state_->store->ForgetHosts(state_->WallNow() - kept_ns);
  if (!forgotten.ok()) {
    LogError("store", "retention of hosts: ", forgotten.status().ToString());
    return;
  }
  for (const model::HostId& host : *forgotten) {
    hosts_.erase(host);
    auto newest = newest_boot_.find(host.machine);
    if (newest != newest_boot_.end() && newest->second == host.boot) newest_boot_.erase(newest);
    state_->engine->ForgetHost(host);
  }
}

}  // namespace hoptrail::collector::engine
