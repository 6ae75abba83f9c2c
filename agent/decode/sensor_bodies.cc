#include "agent/decode/sensor_bodies.h"

#include <cstring>
#include <string>

#include "agent/decode/decoder.h"
#include "agent/decode/fields.h"

namespace hoptrail::agent::decode {

Tampering ToTampering(const ht_tampering& raw) {
  return {.kind = CheckedEnum(raw.kind, TamperingKind::kMap),
          .target = {raw.target_tgid, raw.target_start_ns},
          .target_command =
              std::string(raw.target_comm, strnlen(raw.target_comm, sizeof(raw.target_comm))),
          .signal = raw.signal,
          .bpf_command = raw.bpf_command,
          .object = CheckedEnum(raw.object_kind, ObjectKind::kLink),
          .object_id = raw.object_id,
          .repeats = raw.repeats};
}

Lost ToLost(const ht_lost& raw) {
  static constexpr const char* kPlaces[HT_LOSS_CAUSES][HT_RINGS] = HT_LOSS_PLACES;
  const bool known = raw.cause < HT_LOSS_CAUSES && raw.ring < HT_RINGS;
  return {.where = known ? kPlaces[raw.cause][raw.ring] : "unknown",
          .type = TypeName(raw.record_type),
          .count = raw.count};
}

}  // namespace hoptrail::agent::decode
