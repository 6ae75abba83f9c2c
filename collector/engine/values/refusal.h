#ifndef HOPTRAIL_COLLECTOR_ENGINE_VALUES_REFUSAL_H_
#define HOPTRAIL_COLLECTOR_ENGINE_VALUES_REFUSAL_H_

#include <cstdint>
#include <string>

#include "core/model/ids.h"

namespace hoptrail::collector::engine {

// Why the collector refused something that a host claimed. What is refused is acknowledged, since
// an agent that must send it again and again would send nothing else, and counted on the host.
enum class RefusalReason : uint8_t {
  kIncomplete,        // a fact without an id, a session or a side
  kSessionId,         // a session whose id does not derive from the host and the first process
  kForeignSession,    // an end of a connection in a session of another host; the end is kept
  kDetectionId,       // a detection whose id does not derive from rule, session and occurrence
  kForeignDetection,  // a detection on a session that is not the host's own
  kRuleOfNoAgent,     // a detection of a rule that no agent runs
  kSequence,          // a batch with sequence numbers that the host cannot have reached
  kHostName,          // a name of the host, of which it has had too many
  kNewBoot,           // a stream for another boot of the machine, of which there were too many
};

// One or more claims of a host that were refused for one reason. A value.
struct Refusal {
  model::HostId host;
  RefusalReason reason = RefusalReason::kIncomplete;
  uint64_t count = 0;

  bool operator==(const Refusal&) const = default;
};

// For people: "3 sessions under ids that do not derive from it".
std::string RefusalText(RefusalReason reason, uint64_t count);

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_VALUES_REFUSAL_H_
