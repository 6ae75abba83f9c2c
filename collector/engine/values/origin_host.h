#ifndef HOPTRAIL_COLLECTOR_ENGINE_VALUES_ORIGIN_HOST_H_
#define HOPTRAIL_COLLECTOR_ENGINE_VALUES_ORIGIN_HOST_H_

// Whose address a root came from, where no agent reported the client's end of its connection.

#include <cstdint>
#include <string>

#include "core/model/ids.h"

namespace hoptrail::collector::engine {

// The missing part. The values are those of hoptrail.v1.OriginReason.
enum class OriginReason : uint8_t {
  kUnknown = 0,
  kConnectionNotReported,
  kAgentDown,
  kAgentCameLater,
  kAddressMoved,
  kRawSocket,
  kSameHost,
  kNoAgent,
};

struct OriginHost {
  model::HostId host;     // empty for kNoAgent
  std::string host_name;  // may be empty; the address for kNoAgent
  std::string address;    // that the connection came from
  OriginReason reason = OriginReason::kUnknown;
  int64_t since_wall_ns = 0;  // kAgentDown, kAddressMoved; 0: unknown
  int64_t until_wall_ns = 0;  // kAgentDown, kAgentCameLater; 0: until now
  std::string program;        // kRawSocket

  bool operator==(const OriginHost&) const = default;
};

// The facts about a machine that has reported the address. Times of the collector's clock, but
// for `opened_wall_ns` and `agent_started_wall_ns`, which hosts report. 0: unknown.
struct OriginEvidence {
  int64_t opened_wall_ns = 0;         // when the session was opened
  int64_t address_first_wall_ns = 0;  // when the machine reported the address first and last
  int64_t address_last_wall_ns = 0;
  bool has_address = false;  // now
  bool agent_up = false;     // now
  int64_t agent_last_seen_wall_ns = 0;
  int64_t agent_started_wall_ns = 0;
  std::string raw_program;  // sent by a raw or packet socket at about that time; may be empty
};

// Hosts' clocks may be so far from the collector's, and an address is reported again so late.
inline constexpr int64_t kOriginSlackNs = int64_t{120} * 1'000'000'000;

// Fills in the reason, its times and the program.
void Explain(const OriginEvidence& evidence, OriginHost* origin);

// "web", "10.0.0.5": the host's name, or its machine id, or the address.
std::string NameOf(const OriginHost& origin);
// "its agent has been down since 2026-11-29T20:00:00Z": a clause about the host.
std::string MissingWords(const OriginHost& origin);

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_VALUES_ORIGIN_HOST_H_
