#ifndef HOPTRAIL_AGENT_APP_READINESS_H_
#define HOPTRAIL_AGENT_APP_READINESS_H_

#include <cstdint>
#include <string>

namespace hoptrail::agent::app {

// What decides whether an agent does its work: facts seen, not processes that are up.
struct ReadinessFacts {
  std::string blind_for;  // facts without which there is no path and that no hook serves: "tcp"
  bool self_test = true;  // the loader's heartbeats are among what this agent sees
  uint64_t heartbeat_boot_ns = 0;  // the last that came out of the ring; 0: none yet
  uint64_t now_boot_ns = 0;
  bool collector_reached = false;
  std::string spool_trouble;  // empty: what is found is kept on disk
};

struct Readiness {
  bool ready = false;
  std::string detail;  // one sentence
};

// Ready is an agent through whose rings the kernel's events come, and that either reaches its
// collector or keeps on disk what it finds. Pure.
Readiness Judge(const ReadinessFacts& facts);

}  // namespace hoptrail::agent::app

#endif  // HOPTRAIL_AGENT_APP_READINESS_H_
