#ifndef HOPTRAIL_COLLECTOR_RULES_BLINDING_H_
#define HOPTRAIL_COLLECTOR_RULES_BLINDING_H_

#include <cstddef>
#include <optional>

#include "collector/engine/values/path_view.h"
#include "core/model/detection.h"
#include "core/model/fact.h"

namespace hoptrail::collector::detect {

// `blinding` as the collector judges it: an agent ended, was stopped, went blind or fell silent, or
// lost records, while somebody was logged in. Tied to the open session that is most to be
// suspected; one detection for each kind of trouble and session, told again when it happens again.
class Blinding {
 public:
  // `suspect` is that session; `others` are the further ones that were open.
  static model::Detection Judge(const model::Interference& interference, const Step& suspect,
                                size_t others);
  // The agent said that it ends because somebody asked it to; `by_suspect`: the suspect is who that
  // was, as the agent's host saw it. Not for those that its service manager ended of its own
  // accord.
  static model::Detection Judge(const model::Goodbye& goodbye, int64_t wall_ns, const Step& suspect,
                                bool by_suspect, size_t others);
  // Nothing where the loss is none of the sensor's.
  static std::optional<model::Detection> Judge(const model::Loss& loss, const Step& suspect,
                                               size_t others);
};

}  // namespace hoptrail::collector::detect

#endif  // HOPTRAIL_COLLECTOR_RULES_BLINDING_H_
