#ifndef HOPTRAIL_AGENT_WORKER_READINESS_H_
#define HOPTRAIL_AGENT_WORKER_READINESS_H_

#include <cstdint>
#include <string>

namespace hoptrail::agent {

// Decides whether the agent is ready. These are things that it has seen: running processes alone
// prove nothing.
struct ReadinessInputs {
  std::string blind_sources;       // event sources that every path needs and no hook serves: "tcp"
  bool self_test = true;           // the loader's heartbeats are among this agent's events
  uint64_t heartbeat_boot_ns = 0;  // the last that came out of the ring; 0: none yet
  uint64_t now_boot_ns = 0;
  bool collector_reached = false;
  std::string spool_trouble;  // why records cannot be spooled on disk; empty: they can
};

struct Readiness {
  bool ready = false;
  std::string detail;  // one sentence
};

// An agent is ready when kernel events come through its rings, and it either reaches its collector
// or can spool its records on disk. Pure.
Readiness EvaluateReadiness(const ReadinessInputs& inputs);

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_WORKER_READINESS_H_
