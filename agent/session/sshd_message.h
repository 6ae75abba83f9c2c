#ifndef HOPTRAIL_AGENT_SESSION_SSHD_MESSAGE_H_
#define HOPTRAIL_AGENT_SESSION_SSHD_MESSAGE_H_

// Reads the lines in which sshd tells how an attempt to log in came out (OpenSSH, auth.c,
// auth_log): "Accepted METHOD for USER from ADDRESS port N ssh2[: INFORMATION]".

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

#include "core/model/net.h"
#include "core/model/session.h"

namespace hoptrail::agent::session {

struct SshdMessage {
  bool accepted = false;
  model::AuthMethod method = model::AuthMethod::kUnknown;
  bool invalid_user = false;  // sshd knows no such account
  std::string user;           // at most 100 bytes, as the peer sent it: any byte may be in it
  model::Endpoint origin;
  std::string key_type;         // "ED25519"
  std::string key_fingerprint;  // "SHA256:…"
  std::string certificate_id;
};

// Nothing for any other line. The user's name (and a certificate's ID) are the peer's to choose
// and may imitate the rest of the line; the last place that can be the line's own end is taken,
// and everything after the name must have exactly the form that sshd prints. The caller should
// still compare `origin` with the connection that the kernel knows.
std::optional<SshdMessage> ParseSshdMessage(absl::string_view text);

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_SSHD_MESSAGE_H_
