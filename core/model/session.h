#ifndef HOPTRAIL_CORE_MODEL_SESSION_H_
#define HOPTRAIL_CORE_MODEL_SESSION_H_

#include <cstdint>
#include <optional>
#include <string>

#include "core/model/driver.h"
#include "core/model/ids.h"
#include "core/model/net.h"
#include "core/model/process.h"

namespace hoptrail::model {

// The kind of entry that opened a session.
enum class EntryKind : uint8_t {
  kUnknown = 0,
  kRemote,     // an accepted connection that led to a login (or to a shell)
  kConsole,    // a login at a terminal of the machine
  kService,    // a daemon and the processes that it started
  kContainer,  // the first process of a container
  kCron,       // a scheduled job
};

// How the user of a remote session authenticated (METHOD in sshd's `Accepted METHOD for …`).
enum class AuthMethod : uint8_t {
  kUnknown = 0,
  kPassword,
  kPublicKey,
  kKeyboardInteractive,
  kHostBased,
  kGssapi,
  kCertificate,  // a public key signed by an SSH certificate authority
  kNone,
};

// A login as PAM and sshd describe it, which is read from user memory. `verified`: they were a
// root-owned program in the lineage of the listener or of the login program. Otherwise it is a
// claim.
struct Authentication {
  AuthMethod method = AuthMethod::kUnknown;
  std::string user;             // the account that the login program named
  std::string service;          // PAM service, "sshd"; "dropbear"
  std::string remote_host;      // PAM_RHOST
  std::string key_type;         // "ED25519"; empty but for keys
  std::string key_fingerprint;  // "SHA256:…" as `ssh-keygen -lf` prints it; empty but for keys
  std::string certificate_id;   // the certificate's ID, for kCertificate
  bool verified = false;

  bool operator==(const Authentication&) const = default;
};

// The accepted connection that opened a remote session.
struct Entry {
  HopKey hop_key;  // empty where the connection was never seen
  Flow flow;       // as this host saw it
  uint64_t accepted_boot_ns = 0;

  bool operator==(const Entry&) const = default;
};

// The processes on one host that one entry caused. Sent whole whenever it changes, so that the
// newest one received counts and receiving one twice does no harm.
struct Session {
  SessionId id;
  HostId host;
  ProcessKey first_process;
  EntryKind kind = EntryKind::kUnknown;
  // kRemote only: a login (or a command run for the peer) was seen, not just a connection.
  bool logged_in = false;
  uint32_t uid = 0;  // of its processes once logged in
  std::string user;  // that uid's name on its host, or the account logged in to
  uint32_t login_uid = kNoLogin;
  uint32_t audit_session = kNoLogin;
  std::optional<Entry> entry;  // kRemote
  Authentication authentication;
  std::string program;  // path of the first process's first own image ("/usr/sbin/sshd")
  // The unit that started it, if not a login: see hoptrail.v1.Session. May be empty.
  std::string unit;
  std::string terminal;  // "pts/3", empty where none
  // The session on the same host whose process caused this one by a link that is not parentage
  // (su, cron, at, systemd-run, an agent or mux socket); empty where none.
  SessionId caused_by;
  uint64_t opened_boot_ns = 0;
  int64_t opened_wall_ns = 0;
  // When the login itself ended (PAM close, or the entry's connection closed); processes may live
  // on. 0 while it lasts.
  int64_t login_ended_wall_ns = 0;
  // When the last process ended; 0 while one lives.
  int64_t closed_wall_ns = 0;
  Drivers drivers;   // sessions that may have caused this one beside its entry
  SessionId drives;  // the session that the entry's connection drives: see hoptrail.v1.Session

  bool operator==(const Session&) const = default;
};

}  // namespace hoptrail::model

#endif  // HOPTRAIL_CORE_MODEL_SESSION_H_
