#include "agent/decode/bodies.h"
#include "agent/decode/decoder.h"
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

absl::Status ReadFile(absl::string_view record, File* file) {
  const auto raw = Copy<ht_file>(record);
  absl::string_view path;
  if (!Parts(record.substr(sizeof(ht_file))).Take(raw.path, &path)) return CountsTooMuch();
  file->action = CheckedEnum(raw.action, FileAction::kSymlink);
  file->path = JoinPath(path, raw.path.cut != 0);
  file->device = ToDevice(raw.device);
  file->inode = raw.inode;
  file->mode = raw.mode;
  file->owner = raw.owner;
  file->reads = (raw.flags & HT_FILE_READ) != 0;
  file->writes = (raw.flags & HT_FILE_WRITE) != 0;
  file->created = (raw.flags & HT_FILE_CREATED) != 0;
  file->truncated = (raw.flags & HT_FILE_TRUNCATED) != 0;
  file->repeats = raw.repeats;
  return absl::OkStatus();
}

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
