#include "agent/decode/file_bodies.h"

#include "agent/decode/fields.h"

namespace hoptrail::agent::decode {

absl::Status ReadFile(absl::string_view record, File* file) {
  const auto raw = Copy<ht_file>(record);
  absl::string_view path;
  if (!Parts(record.substr(sizeof(ht_file))).Take(raw.path, &path)) return TextTooLong();
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

}  // namespace hoptrail::agent::decode
