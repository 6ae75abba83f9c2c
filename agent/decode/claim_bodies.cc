#include "agent/decode/claim_bodies.h"

#include "agent/decode/fields.h"

namespace hoptrail::agent::decode {

Pam ToPam(const ht_pam& raw) {
  return {.step = CheckedEnum(raw.step, PamStep::kCloseSession),
          .service = FieldText(raw.service_bytes, sizeof(raw.service_bytes), raw.service),
          .user = FieldText(raw.user_bytes, sizeof(raw.user_bytes), raw.user),
          .remote_host =
              FieldText(raw.remote_host_bytes, sizeof(raw.remote_host_bytes), raw.remote_host),
          .terminal = FieldText(raw.terminal_bytes, sizeof(raw.terminal_bytes), raw.terminal),
          .result = raw.result,
          .verified = raw.verified != 0};
}

SshdMessage ToSshdMessage(const ht_sshd& raw) {
  return {.text = FieldText(raw.bytes, sizeof(raw.bytes), raw.text), .verified = raw.verified != 0};
}

}  // namespace hoptrail::agent::decode
