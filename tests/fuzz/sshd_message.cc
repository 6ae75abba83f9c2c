// The parsers of login servers' log lines, in which the peer chooses the user's name.

#include "agent/session/sshd_message.h"

#include "agent/session/dropbear_message.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hoptrail;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto message = agent::session::ParseDropbearMessage(text); message.has_value()) {
    fuzz::Require(message->user.size() <= 100, "a user's name is bounded");
    fuzz::Require(message->key_fingerprint.size() <= 51, "a fingerprint is bounded");
  }
  const auto message = agent::session::ParseSshdMessage(text);
  if (!message) return 0;
  fuzz::Require(message->user.size() <= 100, "a user's name is bounded");
  fuzz::Require(message->certificate_id.size() <= 1024, "a certificate's ID is bounded");
  fuzz::Require(message->key_type.size() <= 32, "a key's type is bounded");
  fuzz::Require(message->key_fingerprint.size() <= 51, "a fingerprint is bounded");
  fuzz::Require(!(message->accepted && message->invalid_user), "who is unknown is not accepted");
  return 0;
}
