#ifndef HOPTRAIL_AGENT_STOP_STOP_OBSERVER_H_
#define HOPTRAIL_AGENT_STOP_STOP_OBSERVER_H_

#include <cstdint>
#include <string>

#include "agent/session/enriched_event.h"
#include "agent/stop/package_manager.h"
#include "agent/stop/stop_origin.h"

namespace hoptrail::agent {

// Passes the events that may have stopped the agent to StopOrigin: signals to the supervisor, and
// commands to the service manager. Not thread-safe.
class StopObserver : public session::EventSink {
 public:
  // `unit`: the agent's own service, empty where it has none. `supervisor_tgid`: the supervisor's
  // pid on the host, 0 where unknown.
  StopObserver(std::string unit, uint32_t supervisor_tgid, StopOrigin* origin);

  session::Interests interests() const override {
    return {session::Activity::kProcessStarted, session::Activity::kTampering};
  }
  void OnEvent(const session::EnrichedEvent& event) override;

 private:
  void OnExec(const session::EnrichedEvent& event, const decode::Exec& exec);
  void OnTampering(const session::EnrichedEvent& event, const decode::Tampering& tampering);
  bool IsSupervisor(const decode::Tampering& tampering) const;

  const std::string unit_;
  const PackageManagers package_managers_;
  const uint32_t supervisor_tgid_;
  StopOrigin* const origin_;
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_STOP_STOP_OBSERVER_H_
