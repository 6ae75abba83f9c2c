#ifndef HOPTRAIL_CORE_MODEL_DETECTION_H_
#define HOPTRAIL_CORE_MODEL_DETECTION_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/model/ids.h"

namespace hoptrail::model {

// The longest Detection::occurrence.
inline constexpr size_t kMaxOccurrenceBytes = 256;

enum class Severity : uint8_t { kUnknown = 0, kInfo, kLow, kMedium, kHigh, kCritical };

// A rule's result, always tied to a session. A detection with the id of an earlier one replaces
// that one (a detection may gain evidence).
struct Detection {
  DetectionId id;    // DeriveDetectionId(rule, session, occurrence)
  std::string rule;  // "pivot"
  // Distinguishes it from the rule's other detections on the session ("192.0.2.1:22"). Printable
  // ASCII of at most kMaxOccurrenceBytes; empty where the rule fires once a session.
  std::string occurrence;
  std::string title;                    // one line for a person
  std::vector<std::string> techniques;  // ATT&CK ids, "T1021.004"
  Severity severity = Severity::kUnknown;
  SessionId session;
  // The first process of the session: with the host, the session's id derives from it. Set by
  // agents; empty where the session is no longer in memory, and in detections of the fleet's rules.
  ProcessKey session_process;
  HostId host;
  int64_t wall_ns = 0;
  std::string summary;  // a sentence with the names, addresses and counts that matter
  // The reasons: names and values that a person can check ("failures" → "5"). Bounded by the rule.
  std::map<std::string, std::string> evidence;

  bool operator==(const Detection&) const = default;
};

enum class IncidentState : uint8_t { kUnknown = 0, kOpen, kAcknowledged, kResolved };

// All detections on one path: what a person is paged for, once.
struct Incident {
  IncidentId id;
  SessionId root;  // root of its path now; the id stays when an earlier root is found
  IncidentState state = IncidentState::kOpen;
  Severity severity = Severity::kUnknown;  // the highest of its detections
  std::string title;                       // "staff from 192.0.2.9: gw → web → db → vault"
  std::vector<DetectionId> detections;     // in the order in which they were attached
  std::vector<SessionId> sessions;         // every session on the path, root first
  int64_t opened_wall_ns = 0;
  int64_t updated_wall_ns = 0;
  std::string changed_by;  // who acknowledged or resolved it: the name in the certificate
  IncidentId merged_into;  // not empty: its path turned out to be part of that incident's

  bool operator==(const Incident&) const = default;
};

}  // namespace hoptrail::model

#endif  // HOPTRAIL_CORE_MODEL_DETECTION_H_
