#ifndef HOPTRAIL_AGENT_SESSION_ACTIVITY_H_
#define HOPTRAIL_AGENT_SESSION_ACTIVITY_H_

#include <cstdint>
#include <initializer_list>

namespace hoptrail::agent::session {

// The kinds of enriched events: one for each thing that the kernel side captures, and those that
// the session stage derives.
enum class Activity : uint8_t {
  kUnknown,
  // Processes.
  kProcessForked,
  kProcessStarted,  // exec: the process runs another program from now on
  kProcessEnded,
  kCredentialsChanged,
  kNamespacesChanged,
  kSnapshotProcess,  // it ran before the events began
  kSnapshotSocket,
  kSnapshotDone,
  // Files and sockets.
  kFileOpened,
  kFileReplaced,  // by a rename or a link
  kUnixConnected,
  kDatagramFlow,
  kListening,
  kConnectionAttempted,   // connect(2) has sent the SYN
  kConnectionOpened,      // established; this host is the client
  kConnectionArrived,     // established; this host is the server; not accepted yet
  kConnectionAccepted,    // a process has accepted it
  kConnectionHandedOver,  // another process has got it (SCM_RIGHTS)
  kConnectionFailed,
  kConnectionClosed,
  // Logins.
  kPamClaim,       // PAM says how a step of a login came out
  kSshdClaim,      // sshd says whether it accepted a login
  kProcessTraced,  // a process got the right to trace one that is perhaps not of its session
  // The sensor itself.
  kTampering,  // tampering: a process acts on the sensor's processes, programs or maps
  kRecordsLost,
  // Derived by the session stage. The session of such an event has been reported.
  kSessionChanged,  // opened, logged in to, renamed, closed, …
  kHopEnd,
  kLoginAttempt,
  kProvenanceKnown,  // the collector has sent the provenance of a session
  kCount,
};

// A set of kinds.
class Interests {
 public:
  constexpr Interests() = default;
  constexpr Interests(std::initializer_list<Activity> kinds) {
    for (Activity kind : kinds) bits_ |= Bit(kind);
  }
  static constexpr Interests All() {
    Interests all;
    all.bits_ = Bit(Activity::kCount) - 1;
    return all;
  }

  constexpr bool Contains(Activity kind) const { return (bits_ & Bit(kind)) != 0; }
  constexpr Interests operator|(Interests other) const {
    Interests both;
    both.bits_ = bits_ | other.bits_;
    return both;
  }
  constexpr bool operator==(const Interests&) const = default;

 private:
  static constexpr uint64_t Bit(Activity kind) { return uint64_t{1} << static_cast<int>(kind); }

  uint64_t bits_ = 0;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_ACTIVITY_H_
