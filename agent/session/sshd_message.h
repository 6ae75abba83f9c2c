#ifndef HOPTRAIL_AGENT_SESSION_SSHD_MESSAGE_H_
#define HOPTRAIL_AGENT_SESSION_SSHD_MESSAGE_H_

// Parses the lines in which sshd logs the result of an attempt to log in (OpenSSH, auth.c,
// auth_log): "Accepted METHOD for USER from ADDRESS port N ssh2[: INFORMATION]", and parts of
// them.

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
  std::string user;           // at most 100 bytes, as the client sent it: may contain any byte
  model::Endpoint origin;
  std::string key_type;         // "ED25519"
  std::string key_fingerprint;  // "SHA256:…"
  std::string certificate_id;
};

// Returns nothing for any other line. The client chooses the user name and the certificate's id,
// and may imitate the rest of the line in them. So the parser takes the last place that can begin
// the line's own end, and everything after the user name must have exactly the form that sshd
// prints. The caller should still compare `origin` with the connection that the kernel shows.
std::optional<SshdMessage> ParseSshdMessage(absl::string_view text);

// "keyboard-interactive/pam"; kUnknown for any text that is no method.
model::AuthMethod ParseSshMethod(absl::string_view text);

// "ED25519", "RSA-CERT", "ECDSA-SK".
bool IsKeyType(absl::string_view text);

// "SHA256:" and 43 digits of base64, or "MD5:" and 16 pairs of hexadecimal digits.
bool IsKeyFingerprint(absl::string_view text);

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_SSHD_MESSAGE_H_
