#include "agent/decode/claim_bodies.h"

#include <cstring>

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
  if (raw.kind == HT_LOGIN_DECISION) {
    ht_decision decision;
    std::memcpy(&decision, raw.bytes, sizeof(decision));
    const auto text = [](const auto& bytes) {
      return std::string(bytes, strnlen(bytes, sizeof(bytes)));
    };
    return {.text = text(decision.method),
            .verified = raw.verified != 0,
            .kind = LoginText::kDecision,
            .key_type = text(decision.key_type),
            .key_fingerprint = text(decision.key_fingerprint),
            .certificate_id = text(decision.certificate_id)};
  }
  return {.text = FieldText(raw.bytes, sizeof(raw.bytes), raw.text),
          .verified = raw.verified != 0,
          .kind = CheckedEnum(raw.kind, LoginText::kDropbear)};
}

}  // namespace hoptrail::agent::decode
