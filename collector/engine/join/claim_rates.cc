#include "collector/engine/join/claim_rates.h"

#include <algorithm>
#include <cmath>

namespace hoptrail::collector::engine {
namespace {

constexpr double kHalfLifeNs = 60e9;

const model::IpAddress& PeerOf(const model::HopEnd& end) {
  return (end.side == model::HopSide::kClient ? end.flow.server : end.flow.client).address;
}

}  // namespace

double ClaimRates::Now(const Count& count) const {
  return count.ends * std::exp2(-static_cast<double>(now_ns_ - count.at_ns) / kHalfLifeNs);
}

void ClaimRates::Add(const model::HopEnd& end, int64_t now_ns) {
  now_ns_ = std::max(now_ns_, now_ns);
  Machine& machine = machines_[{end.host.machine, end.side}];
  auto it = machine.peers.find(PeerOf(end));
  if (it == machine.peers.end() && machine.peers.size() >= kMaxPeers) {
    // Peers that have been quiet for long make room.
    absl::erase_if(machine.peers, [this](const auto& peer) { return Now(peer.second) < 0.5; });
  }
  if (it == machine.peers.end() && machine.peers.size() < kMaxPeers) {
    it = machine.peers.try_emplace(PeerOf(end)).first;
  }
  Count& count = it == machine.peers.end() ? machine.others : it->second;
  count = {Now(count) + 1, now_ns_};
}

void ClaimRates::Remove(const model::HopEnd& end) {
  auto machine = machines_.find({end.host.machine, end.side});
  if (machine == machines_.end()) return;
  auto it = machine->second.peers.find(PeerOf(end));
  Count& count = it == machine->second.peers.end() ? machine->second.others : it->second;
  count = {std::max(0.0, Now(count) - 1), now_ns_};
}

double ClaimRates::Recent(const model::HopEnd& end) const {
  auto machine = machines_.find({end.host.machine, end.side});
  if (machine == machines_.end()) return 0;
  auto it = machine->second.peers.find(PeerOf(end));
  return Now(it == machine->second.peers.end() ? machine->second.others : it->second);
}

}  // namespace hoptrail::collector::engine
