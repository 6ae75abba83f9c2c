#ifndef HOPTRAIL_AGENT_DETECT_BLINDING_H_
#define HOPTRAIL_AGENT_DETECT_BLINDING_H_

#include <cstdint>
#include <optional>
#include <string>

#include "core/model/detection.h"
#include "core/model/session.h"

namespace hoptrail::agent::detect {

struct BlindingOptions {
  bool disabled = false;
};

// `blinding` as the host sees it: somebody lays hands on the sensor's processes or on what it has
// in the kernel. Told once for each session and way, and again with the latest evidence. Pure.
class BlindingRule {
 public:
  enum class Way { kSignal, kTrace, kBpf, kMap };

  struct Attempt {
    Way way = Way::kSignal;
    uint32_t number = 0;         // kSignal: the signal; kBpf: the command of bpf(2)
    std::string target;          // the sensor's process, or "map 12"
    std::string command;         // comm of who did it
    model::ProcessName process;  // who did it
    uint32_t repeats = 1;
    bool by_manager = false;  // what runs the agent's service or container did it
    int64_t wall_ns = 0;
  };

  explicit BlindingRule(const BlindingOptions& options) : options_(options) {}

  // `session`: of who did it; null where unknown. A service manager ends services, which is no
  // attempt; neither are signals that only ask whether a process is there.
  std::optional<model::Detection> OnAttempt(const Attempt& attempt,
                                            const model::Session* session) const;

 private:
  const BlindingOptions options_;
};

}  // namespace hoptrail::agent::detect

#endif  // HOPTRAIL_AGENT_DETECT_BLINDING_H_
