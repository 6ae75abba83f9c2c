#ifndef HOPTRAIL_COLLECTOR_ENGINE_VALUES_AGENT_TROUBLE_H_
#define HOPTRAIL_COLLECTOR_ENGINE_VALUES_AGENT_TROUBLE_H_

// Trouble of an agent, as the engine gives it to the fleet rules. Plain values that hold everything
// a rule may use.

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "collector/engine/values/path_view.h"
#include "core/model/fact.h"

namespace hoptrail::collector::engine {

// What a machine has reported too much of.
enum class ClaimKind : uint8_t { kSessions, kDetections, kIncidents };

// A machine has reported more than its budget: the collector takes further reports at a lower rate,
// or lets their incidents wait (docs/decisions/0032).
struct ClaimFlood {
  ClaimKind kind = ClaimKind::kSessions;
};

// Nothing came from an agent for the heartbeat timeout, and it had not said goodbye.
struct AgentSilence {
  std::string detail;  // a sentence
  int64_t wall_ns = 0;
  // Its host closed the connection: the agent's processes ended, and the machine runs. Neither a
  // machine without power nor a cut network does so.
  bool closed = false;
  bool among_others = false;  // further agents fell silent at about the same time
};

// An agent came back without what it must have.
struct AgentReturn {
  enum class Missing : uint8_t {
    kState,    // it shows no incarnation, and has confirmed one before
    kEnd,      // it is a new run, and neither the collector nor the agent has seen the last one end
    kRecords,  // numbered records never arrived, and no loss explains it
  };
  Missing missing = Missing::kState;
  std::string detail;  // a sentence
  int64_t wall_ns = 0;
  // This collector saw its stream break, without a goodbye.
  bool broken = false;
};

// Why trouble is tied to a session, the strongest reason first.
enum class SuspectGround : uint8_t {
  kNamed,     // the agent named it
  kLoggedIn,  // a person is logged in there
  kIncident,  // nobody is logged in; it is on the path of an incident
  kArrived,   // nobody is logged in; it was reached from elsewhere, and lives or ended lately
  kServed,    // nobody is logged in; it is a service that accepted a connection lately
  kHost,      // nobody is suspected: it is the agent's own session, or stands for the host
};

// The events on the host before the trouble. Sentences for people, the latest first, a few each.
struct Preceding {
  std::vector<std::string> hops_in;
  std::vector<std::string> detections;
  std::vector<std::string> sessions;
  bool hop_lately = false;        // a connection from elsewhere, at most ten minutes before
  bool detection_lately = false;  // a detection of at least low severity, at most an hour before
};

// Interference that an agent's supervisor saw, a loss of records, its goodbye, its silence, its
// return, or a flood of reports.
using AgentTroubleKind = std::variant<model::Interference, model::Loss, model::Goodbye,
                                      AgentSilence, AgentReturn, ClaimFlood>;

// Something happened to the agent of a host, or the agent floods the collector.
struct AgentTrouble {
  AgentTroubleKind what;
  int64_t wall_ns = 0;  // when the collector received the report
  Step suspect;         // the most suspicious session; of a flood: the session reported last
  SuspectGround ground = SuspectGround::kLoggedIn;
  bool suspect_is_login = false;  // the suspect is a person's open login
  size_t other_sessions = 0;      // further open sessions of people
  Preceding before;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_VALUES_AGENT_TROUBLE_H_
