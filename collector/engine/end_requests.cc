#include "collector/engine/end_requests.h"

#include <cstddef>

namespace hoptrail::collector::engine {
namespace {

constexpr size_t kMaxUnanswered = 100'000;

}  // namespace

void EndRequests::Note(const graph::HopId& id, const model::HopEnd& end, int64_t now_ns) {
  const bool leads = end.side == model::HopSide::kClient || end.opened_session;
  const bool asks =
      leads && !end.hop_key.empty() && !end.session.empty() && end.closed_wall_ns == 0;
  if (asks && waiting_.size() < kMaxUnanswered) waiting_.Add(now_ns + kWaitNs, id);
}

void EndRequests::Take(int64_t now_ns, std::vector<EndRequest>* out) {
  while (const auto id = waiting_.TakeDue(now_ns)) {
    const std::optional<model::Hop> hop = joiner_->Find(*id);
    if (!hop.has_value() || hop->joined()) continue;
    const model::HopEnd& end = hop->client.has_value() ? *hop->client : *hop->server;
    const model::Endpoint& other = hop->client.has_value() ? end.flow.server : end.flow.client;
    const model::MachineId machine = joiner_->owners().OnlyOwner(other.address);
    if (machine.empty() || machine == end.host.machine || !budget_.Take(machine, now_ns)) continue;
    out->push_back({machine, end.hop_key});
  }
  budget_.ForgetFull(now_ns);
}

}  // namespace hoptrail::collector::engine
