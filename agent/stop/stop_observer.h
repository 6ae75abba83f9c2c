#ifndef HOPTRAIL_AGENT_STOP_STOP_OBSERVER_H_
#define HOPTRAIL_AGENT_STOP_STOP_OBSERVER_H_

#include <cstdint>
#include <string>

#include "agent/session/enriched_event.h"
#include "agent/stop/stop_origin.h"

namespace hoptrail::agent {

// Keeps what the stream of events shows of who may end the agent: signals to its first process, and
// logins that ask the service manager for it. Not thread-safe.
class StopObserver : public session::EventSink {
 public:
  // `unit`: the agent's own service, empty where it is in none. `supervisor_tgid`: its first
  // process as the host numbers it, 0 where that is not known.
  StopObserver(std::string unit, uint32_t supervisor_tgid, StopOrigin* origin);

  session::Interests interests() const override {
    return {session::Activity::kProcessStarted, session::Activity::kSensorTouched};
  }
  void OnEvent(const session::EnrichedEvent& event) override;

 private:
  void OnExec(const session::EnrichedEvent& event, const decode::Exec& exec);
  void OnTampering(const session::EnrichedEvent& event, const decode::Tampering& tampering);
  bool IsSupervisor(const decode::Tampering& tampering) const;

  const std::string unit_;
  const uint32_t supervisor_tgid_;
  StopOrigin* const origin_;
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_STOP_STOP_OBSERVER_H_
