#ifndef HOPTRAIL_AGENT_SESSION_DROPBEAR_MESSAGE_H_
#define HOPTRAIL_AGENT_SESSION_DROPBEAR_MESSAGE_H_

// Parses the lines in which dropbear logs the result of an attempt to log in (svr-authpubkey.c,
// svr-authpasswd.c, svr-authpam.c): "Pubkey auth succeeded for 'USER' with ssh-ed25519 key SHA256:…
// from ADDRESS:PORT".

#include <optional>

#include "absl/strings/string_view.h"

#include "agent/session/sshd_message.h"

namespace hoptrail::agent::session {

// The key's type is as sshd prints it: "ED25519". Returns nothing for any other line, among them
// that of a login that needs a further method. The client chooses the user name, but dropbear names
// only accounts that exist; everything after the name must have exactly the form that dropbear
// prints.
std::optional<SshdMessage> ParseDropbearMessage(absl::string_view text);

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_DROPBEAR_MESSAGE_H_
