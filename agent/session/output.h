#ifndef HOPTRAIL_AGENT_SESSION_OUTPUT_H_
#define HOPTRAIL_AGENT_SESSION_OUTPUT_H_

#include "core/model/fact.h"

namespace hoptrail::agent::session {

// Receives the correlator's facts for the collector. Called at the end of each event: first
// sessions, then hop ends, then attempts, so that a session is reported before the facts that name
// it.
class Output {
 public:
  virtual ~Output() = default;

  virtual void OnSession(const model::Session& session) = 0;
  virtual void OnHopEnd(const model::HopEnd& hop) = 0;
  // `listener`: the session of the process that listens for such connections. For an attempt that
  // came by no connection: the attempt's own session.
  virtual void OnLoginAttempt(const model::LoginAttempt& attempt,
                              const model::SessionId& listener) = 0;
  virtual void OnEdge(const model::EdgeCount& edge) = 0;
  virtual void OnLoss(const model::Loss& loss) = 0;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_OUTPUT_H_
