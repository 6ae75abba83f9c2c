#include "collector/engine/origin_search.h"

#include <algorithm>
#include <cstdlib>

#include "absl/algorithm/container.h"

namespace hoptrail::collector::engine {
namespace {

bool IsRawProtocol(uint8_t protocol) {
  constexpr uint8_t kCounted[] = {0, 1, model::kProtocolTcp, model::kProtocolUdp, 58, 132};
  return !absl::c_linear_search(kCounted, protocol);
}

}  // namespace

void OriginSearch::Restore(
    absl::Span<const AddressReport> reports,
    absl::Span<const std::pair<model::HostId, int64_t>> agent_starts,
    absl::Span<const std::pair<model::HostId, std::vector<model::IpAddress>>> addresses) {
  for (const AddressReport& report : reports) {
    Note(report.host, report.address, report.first_wall_ns, report.last_wall_ns);
  }
  for (const auto& [host, start] : agent_starts) {
    Machine& machine = machines_[host.machine];
    machine.host = host;
    machine.agent_started_wall_ns = std::max(machine.agent_started_wall_ns, start);
  }
  for (const auto& [host, own] : addresses) machines_[host.machine].addresses = own;
}

void OriginSearch::NoteHealth(const model::AgentHealth& health, int64_t wall_ns) {
  Machine& machine = machines_[health.host.machine];
  machine.host = health.host;
  machine.agent_started_wall_ns = health.started_wall_ns;
  machine.addresses = health.addresses;
  if (machine.addresses.size() > kMaxAddressesOfMachine) {
    machine.addresses.resize(kMaxAddressesOfMachine);
  }
  const std::vector<model::IpAddress> addresses = machine.addresses;
  for (const model::IpAddress& each : addresses) Note(health.host, each, wall_ns, wall_ns);
}

void OriginSearch::Note(const model::HostId& host, const model::IpAddress& address,
                        int64_t first_wall_ns, int64_t last_wall_ns) {
  Machine& machine = machines_[host.machine];
  if (machine.host.empty()) machine.host = host;
  if (!machine.ever.contains(address) && machine.ever.size() >= kMaxAddressesOfMachine) return;
  auto& uses = uses_[address];
  auto use =
      absl::c_find_if(uses, [&](const Use& each) { return each.host.machine == host.machine; });
  if (use == uses.end()) {
    if (uses.size() >= kMaxMachinesOfAddress) return;
    uses.push_back({host, first_wall_ns, last_wall_ns});
  } else {
    use->host = host;
    use->first_wall_ns = std::min(use->first_wall_ns, first_wall_ns);
    use->last_wall_ns = std::max(use->last_wall_ns, last_wall_ns);
  }
  machine.ever.insert(address);
}

void OriginSearch::NoteEdge(const model::EdgeCount& edge) {
  if (!IsRawProtocol(edge.protocol) || edge.side != model::HopSide::kClient) return;
  Machine& machine = machines_[edge.host.machine];
  if (edge.minute_wall_ns < machine.raw_minute_wall_ns) return;
  machine.raw_minute_wall_ns = edge.minute_wall_ns;
  machine.raw_program = edge.program.empty() ? "an unknown program" : edge.program;
}

void OriginSearch::NoteAgent(const model::HostId& host, const AgentPresence& presence) {
  machines_[host.machine].presence = presence;
}

void OriginSearch::Forget(int64_t before_wall_ns) {
  for (auto it = uses_.begin(); it != uses_.end();) {
    auto& uses = it->second;
    for (const Use& use : uses) {
      if (use.last_wall_ns < before_wall_ns) machines_[use.host.machine].ever.erase(it->first);
    }
    uses.erase(std::remove_if(uses.begin(), uses.end(),
                              [&](const Use& use) { return use.last_wall_ns < before_wall_ns; }),
               uses.end());
    if (uses.empty()) {
      uses_.erase(it++);
    } else {
      ++it;
    }
  }
}

OriginSearch::Answer OriginSearch::Find(const model::IpAddress& address, const model::HostId& own,
                                        int64_t opened_wall_ns, const HostNames& names) const {
  Answer answer;
  const std::string text = model::ToString(address);
  const OriginHost itself{.host = own,
                          .host_name = names.Label(own),
                          .address = text,
                          .reason = OriginReason::kSameHost};
  if (address.is_loopback()) return {.hosts = {itself}};
  auto uses = uses_.find(address);
  if (uses == uses_.end()) return answer;
  for (const Use& use : uses->second) {
    const Machine& machine = machines_.at(use.host.machine);
    const bool has_address = absl::c_linear_search(machine.addresses, address);
    // A bridge's address, for example, which every host of a kind has.
    if (use.host.machine == own.machine && has_address) return {.hosts = {itself}};
    OriginHost origin{
        .host = machine.host, .host_name = names.Label(machine.host), .address = text};
    const bool raw = machine.raw_minute_wall_ns != 0 &&
                     std::abs(machine.raw_minute_wall_ns - opened_wall_ns) < kOriginSlackNs;
    Explain({.opened_wall_ns = opened_wall_ns,
             .address_first_wall_ns = use.first_wall_ns,
             .address_last_wall_ns = use.last_wall_ns,
             .has_address = has_address,
             .agent_up = machine.presence.up,
             .agent_last_seen_wall_ns = machine.presence.last_seen_wall_ns,
             .agent_started_wall_ns = machine.agent_started_wall_ns,
             .raw_program = raw ? machine.raw_program : ""},
            &origin);
    answer.may_report = answer.may_report || !machine.presence.up || machine.presence.behind;
    answer.hosts.push_back(std::move(origin));
  }
  absl::c_sort(answer.hosts,
               [](const OriginHost& a, const OriginHost& b) { return a.host < b.host; });
  return answer;
}

}  // namespace hoptrail::collector::engine
