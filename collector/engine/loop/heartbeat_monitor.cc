#include "collector/engine/loop/heartbeat_monitor.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"

#include "core/base/log.h"
#include "core/model/fact.h"

namespace hoptrail::collector::engine {
namespace {

using store::HostState;

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kLongestPauseNs = 3 * kSecondNs;
// The longest time between two heartbeats of an agent, and some delay.
constexpr int64_t kHeartbeatNs = 6 * kSecondNs;
// More silent agents at once, and more than a quarter of all, are the fault of one network.
constexpr size_t kMaxSilent = 3;

int64_t LastHeardBootNs(const HostEntry& entry) {
  return entry.sink != nullptr ? entry.sink->LastMessageBootNs() : entry.broken_boot_ns;
}

}  // namespace

void HeartbeatMonitor::FindMissedHeartbeats() {
  const int64_t now = state_->BootNow();
  if (now - last_call_boot_ns_ > kLongestPauseNs) valid_from_boot_ns_ = now;
  last_call_boot_ns_ = now;
  Counts counts;
  const std::vector<Host> silent = NewlySilent(now, &counts);
  const bool many = counts.late > kMaxSilent;
  const bool network = many && counts.late > counts.watched / 4;
  for (const auto& [host, entry] : silent) {
    LogWarning("ingest", "heartbeat timeout of ", entry->host_name,
               network ? ", like many others at once" : "");
    if (network) continue;
    // Keepalive of the connection takes longer than the heartbeat timeout: its host has closed it.
    const bool closed = entry->sink == nullptr;
    entry->silence =
        AgentSilence{.detail = absl::StrCat("no message came from the agent for ",
                                            (now - LastHeardBootNs(*entry)) / kSecondNs,
                                            " s, and it had not said goodbye",
                                            closed ? "; its connection was broken by its host" : "",
                                            many ? "; further agents are silent" : ""),
                     .wall_ns = state_->WallNow(),
                     .closed = closed,
                     .among_others = many};
    state_->engine->NoteTrouble(host, *entry->silence, &state_->transaction.outcome);
  }
}

std::vector<HeartbeatMonitor::Host> HeartbeatMonitor::NewlySilent(int64_t now_boot_ns,
                                                                  Counts* counts) {
  std::vector<Host> silent;
  for (auto& [host, entry] : hosts_->all()) {
    // Only agents that were connected since this collector started.
    if (entry.sink == nullptr && entry.broken_boot_ns == 0) continue;
    ++counts->watched;
    const int64_t last_boot_ns = LastHeardBootNs(entry);
    if (entry.followed_boot_ns != 0) {
      // A boot that ended before the next one connected is not silent.
      if (!HostTable::OutlivedNext(entry, last_boot_ns)) continue;
      hosts_->NoteBothUp(host, &entry, entry.sink != nullptr);
    }
    const int64_t silent_ns = now_boot_ns - std::max(last_boot_ns, valid_from_boot_ns_);
    // Agents of one network fall silent together, and are found within the time between two
    // heartbeats.
    if (silent_ns > kHeartbeatNs && silent_ns < 3 * state_->options.heartbeat_timeout_ns) {
      ++counts->late;
    }
    if (silent_ns < state_->options.heartbeat_timeout_ns || MayBeCut(host, entry, silent_ns)) {
      entry.heartbeat_missed = false;
      entry.silence.reset();
    } else if (!entry.heartbeat_missed) {
      entry.heartbeat_missed = true;
      silent.emplace_back(host, &entry);
    }
  }
  return silent;
}

// Heartbeats are rare while nobody is logged in, and TCP sends again only some seconds after a cut
// network is whole.
bool HeartbeatMonitor::MayBeCut(const model::HostId& host, const HostEntry& entry,
                                int64_t silent_ns) const {
  return !entry.heartbeat_missed && entry.sink != nullptr &&
         silent_ns < 2 * state_->options.heartbeat_timeout_ns &&
         !state_->engine->IsAnyoneLoggedIn(host);
}

void HeartbeatMonitor::MarkSilentHosts() {
  const int64_t silent_before = state_->BootNow() - state_->options.silent_after_ns;
  for (auto& [host, entry] : hosts_->all()) {
    if (entry.state == HostState::kSilent || entry.last_message_boot_ns >= silent_before) continue;
    if (!entry.listed || hosts_->HasEnded(host, entry)) continue;
    entry.state = HostState::kSilent;
    state_->transaction.batch.hosts[host].state = entry.state;
    LogWarning("ingest", entry.host_name, " (", model::ToString(host), ") is silent");
  }
}

}  // namespace hoptrail::collector::engine
