#ifndef HOPTRAIL_CORE_MODEL_AGENT_RUN_H_
#define HOPTRAIL_CORE_MODEL_AGENT_RUN_H_

#include <cstdint>

namespace hoptrail::model {

// How an agent's run before the present one ended, in the same boot; hoptrail.v1.PreviousEnd.
enum class PreviousEnd : uint8_t {
  kUnknown = 0,
  kNoTrace,   // the state directory has none of it
  kAsked,     // somebody had asked it to end
  kCutShort,  // nobody had; an Interference reports it
};

// The run of an agent that opens a stream: from its start, or its worker's, to its end.
struct AgentRun {
  uint64_t first_sequence = 0;  // of its records; 0: it does not say
  PreviousEnd previous_end = PreviousEnd::kUnknown;

  bool operator==(const AgentRun&) const = default;
};

}  // namespace hoptrail::model

#endif  // HOPTRAIL_CORE_MODEL_AGENT_RUN_H_
