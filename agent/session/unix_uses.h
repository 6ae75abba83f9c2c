#ifndef HOPTRAIL_AGENT_SESSION_UNIX_USES_H_
#define HOPTRAIL_AGENT_SESSION_UNIX_USES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/model/ids.h"

namespace hoptrail::agent::session {

// A UNIX socket of another session that a session used: an ssh-agent's, an ssh mux's, a container
// runtime's, a service's. What the owner then does may be the user's doing: a second cause.
struct UnixUse {
  std::string path;        // as decode::UnixConnect has it
  model::SessionId owner;  // session of the process that listens; empty where unknown
  model::ProcessKey owner_process;
  uint32_t owner_uid = 0;
  model::ProcessKey process;  // that connected first
  uint64_t first_boot_ns = 0;
  uint64_t last_boot_ns = 0;
  uint64_t connects = 0;
};

// Those of one session, bounded: what finds no room is counted. Not thread-safe.
class UnixUses {
 public:
  static constexpr size_t kMost = 32;

  // Adds to what is known of the same socket of the same owner.
  void Add(UnixUse use) {
    for (UnixUse& known : uses_) {
      if (known.owner != use.owner || known.owner_uid != use.owner_uid || known.path != use.path) {
        continue;
      }
      known.last_boot_ns = use.last_boot_ns;
      known.connects += use.connects;
      return;
    }
    if (uses_.size() >= kMost) {
      ++dropped_;
      return;
    }
    uses_.push_back(std::move(use));
  }

  const std::vector<UnixUse>& all() const { return uses_; }
  uint64_t dropped() const { return dropped_; }

 private:
  std::vector<UnixUse> uses_;
  uint64_t dropped_ = 0;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_UNIX_USES_H_
