#ifndef HOPTRAIL_CORE_MODEL_FACT_H_
#define HOPTRAIL_CORE_MODEL_FACT_H_

// The facts that an agent reports to the collector: one a record, in the order of sequence numbers.

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/model/detection.h"
#include "core/model/hop.h"
#include "core/model/ids.h"
#include "core/model/net.h"
#include "core/model/session.h"

namespace hoptrail::model {

// One attempt to log in, as PAM and sshd saw it.
struct LoginAttempt {
  HostId host;
  SessionId session;  // the connection's session
  std::string user;
  std::string service;
  Endpoint origin;  // the peer, where the connection is known
  AuthMethod method = AuthMethod::kUnknown;
  bool succeeded = false;
  int64_t wall_ns = 0;

  bool operator==(const LoginAttempt&) const = default;
};

inline constexpr uint8_t kProtocolTcp = 6;  // IANA's numbers
inline constexpr uint8_t kProtocolUdp = 17;

// Connections between a program of one host and one service, counted over one minute; for other
// protocols than TCP, what the program sent to one peer.
struct EdgeCount {
  HostId host;
  HopSide side = HopSide::kUnknown;
  std::string program;
  uint32_t uid = 0;
  IpAddress peer;
  uint16_t server_port = 0;
  int64_t minute_wall_ns = 0;  // the minute's beginning
  uint32_t connections = 0;    // other than TCP: first sends of a process to the peer
  uint32_t failures = 0;
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  uint8_t protocol = kProtocolTcp;

  bool operator==(const EdgeCount&) const = default;
};

// Which hook serves an event source, why no better hook does, and which events it misses.
struct SourceCoverage {
  std::string source;                 // "accept"
  std::string hook;                   // "tp_btf/sock_recv_length"; empty: blind
  uint32_t tier = 0;                  // 1 is the best; 0: blind
  std::vector<std::string> refusals;  // "fexit/inet_csk_accept: load refused: EPERM", best first
  std::vector<std::string> misses;    // events that the hook does not see: "open by io_uring"

  bool operator==(const SourceCoverage&) const = default;
};

struct Coverage {
  HostId host;
  std::string kernel_release;
  std::vector<SourceCoverage> sources;

  bool operator==(const Coverage&) const = default;
};

// Records that were lost, and where. Every loss is reported.
struct Loss {
  HostId host;
  std::string where;  // "ring/high", "budget/low", "tables", "hops", "edges", "spool", "queue",
                      // "memory", "rules"
  std::string type;   // record type, "exec"
  uint32_t cpu = 0;
  uint64_t count = 0;  // since the interval's beginning
  int64_t from_wall_ns = 0;
  int64_t until_wall_ns = 0;

  bool operator==(const Loss&) const = default;
};

// Which promise about a host does not hold at present; hoptrail.v1.DegradationKind.
enum class DegradationKind : uint8_t {
  kUnknown = 0,
  kSpoolFull,
  kStateUnwritable,
  kKernelDetached,
  kRestartedWithoutHistory,
  kClockStepped,
  kCloneSuspected,          // found by the collector
  kCollectorStoreReadOnly,  // found by the collector
  kLosingRecords,
  kClaimsRefused,    // found by the collector
  kHostNameChanged,  // found by the collector
  kHostNameShared,   // found by the collector
};

struct Degradation {
  DegradationKind kind = DegradationKind::kUnknown;
  std::string detail;         // a sentence
  int64_t since_wall_ns = 0;  // by the clock of the side that found it

  bool operator==(const Degradation&) const = default;
};

// The agent's own state, sent from time to time.
struct AgentHealth {
  HostId host;
  std::string host_name;
  std::string agent_version;
  int64_t started_wall_ns = 0;  // the agent's start
  int64_t wall_ns = 0;          // now
  uint64_t events = 0;          // kernel records read since the start
  uint64_t lost = 0;            // records lost since the start, of all kinds
  uint64_t spooled = 0;         // records that wait in the spool
  uint64_t resident_bytes = 0;  // VmRSS
  std::vector<IpAddress> addresses;
  std::vector<Degradation> degradations;

  bool operator==(const AgentHealth&) const = default;
};

enum class InterferenceKind : uint8_t {
  kUnknown = 0,
  kEnded,     // a process of the agent ended without having been asked to
  kStopped,   // a process of the agent was stopped by a signal
  kBlind,     // the kernel's events have stopped: programs detached, or the agent starved
  kSilent,    // heartbeat timeout of an agent that had not said goodbye
  kCloned,    // another agent spoke for the same host
  kWeakened,  // it loaded a configuration with which it sees or reports less
};

// An event at the agent itself that an intruder may have caused.
struct Interference {
  HostId host;
  InterferenceKind kind = InterferenceKind::kUnknown;
  std::string detail;  // a sentence
  int64_t wall_ns = 0;

  bool operator==(const Interference&) const = default;
};

// Why an agent ends; hoptrail.v1.StopCause.
enum class StopCause : uint8_t {
  kUnknown = 0,
  kServiceManager,
  kProcess,
  kReplacement,
  kPackageManager,  // through the service manager
};

// The last message of an agent that was asked to end.
struct Goodbye {
  StopCause cause = StopCause::kUnknown;
  std::string detail;  // a sentence about who asked for it
  // kProcess: the session that sent the signal; kServiceManager, kPackageManager: the one whose
  // program asked for it. May be empty.
  SessionId session;

  bool operator==(const Goodbye&) const = default;
};

using Fact = std::variant<Session, HopEnd, LoginAttempt, EdgeCount, Detection, Coverage, Loss,
                          AgentHealth, Interference>;

// The origin of one of an agent's sessions, which the collector sends to the agent.
struct Provenance {
  SessionId session;
  SessionId root;
  HostId root_host;
  std::string root_host_name;
  std::string root_user;
  uint32_t depth = 0;  // hops from the root; 0: the session is the root
  // "staff@gw", "service nginx.service (root)@web", … root first, at most 32
  std::vector<std::string> path;
  bool proven = false;  // every hop on the way is PROVEN

  bool operator==(const Provenance&) const = default;
};

}  // namespace hoptrail::model

#endif  // HOPTRAIL_CORE_MODEL_FACT_H_
