#include "agent/kernel/uprobes/target_key.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

namespace hoptrail::agent::kernel {

std::optional<TargetKey> TargetKeyOf(const std::string& path) {
  struct stat file;
  struct statfs system;
  if (stat(path.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) return std::nullopt;
  TargetKey key = {.file = FileKeyOf(file)};
  if (statfs(path.c_str(), &system) == 0 && system.f_type == OVERLAYFS_SUPER_MAGIC) {
    key.file.device = 0;
    key.size = file.st_size;
    key.changed_ns = file.st_ctim.tv_sec * 1'000'000'000 + file.st_ctim.tv_nsec;
  }
  return key;
}

}  // namespace hoptrail::agent::kernel
