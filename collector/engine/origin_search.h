#ifndef HOPTRAIL_COLLECTOR_ENGINE_ORIGIN_SEARCH_H_
#define HOPTRAIL_COLLECTOR_ENGINE_ORIGIN_SEARCH_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"

#include "collector/engine/graph/host_names.h"
#include "collector/engine/values/origin_host.h"
#include "collector/engine/values/outcome.h"
#include "core/model/fact.h"
#include "core/model/ids.h"
#include "core/model/net.h"

namespace hoptrail::collector::engine {

// Knows which machines have reported an address as their own, now or within the retention, and
// whether their agents could report a connection from there. Owned by the engine, used by its
// thread.
class OriginSearch {
 public:
  // Bounds what one machine can make the engine remember. Further addresses are ignored.
  static constexpr size_t kMaxAddressesOfMachine = 256;
  // The uses of one address; many hosts may have the same private one.
  static constexpr size_t kMaxMachinesOfAddress = 64;

  // As in StoredState.
  void Restore(absl::Span<const AddressReport> reports,
               absl::Span<const std::pair<model::HostId, int64_t>> agent_starts,
               absl::Span<const std::pair<model::HostId, std::vector<model::IpAddress>>> addresses);
  // `wall_ns`: now, by the collector's clock.
  void NoteHealth(const model::AgentHealth& health, int64_t wall_ns);
  // Remembers the use of raw and packet sockets.
  void NoteEdge(const model::EdgeCount& edge);
  void NoteAgent(const model::HostId& host, const AgentPresence& presence);
  // Forgets addresses that were not reported since.
  void Forget(int64_t before_wall_ns);

  struct Answer {
    std::vector<OriginHost> hosts;
    bool may_report = false;  // one of them is down, or has a backlog
  };
  // The machines that have or had the address, and what is missing of each. One host, for
  // kSameHost, where `own`, the session's host, has it. `opened_wall_ns`: when the session was
  // opened.
  Answer Find(const model::IpAddress& address, const model::HostId& own, int64_t opened_wall_ns,
              const HostNames& names) const;
  // Whether a machine has or had the address.
  bool Knows(const model::IpAddress& address) const { return uses_.contains(address); }

 private:
  struct Use {
    model::HostId host;  // the machine's boot that reported it last
    int64_t first_wall_ns = 0;
    int64_t last_wall_ns = 0;
  };
  struct Machine {
    model::HostId host;  // the boot that reported last
    AgentPresence presence{.up = true};
    int64_t agent_started_wall_ns = 0;
    std::vector<model::IpAddress> addresses;  // now
    absl::flat_hash_set<model::IpAddress> ever;
    int64_t raw_minute_wall_ns = 0;  // the last minute with a raw or packet socket
    std::string raw_program;
  };

  void Note(const model::HostId& host, const model::IpAddress& address, int64_t first_wall_ns,
            int64_t last_wall_ns);

  absl::flat_hash_map<model::IpAddress, absl::InlinedVector<Use, 1>> uses_;
  absl::flat_hash_map<model::MachineId, Machine> machines_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_ORIGIN_SEARCH_H_
