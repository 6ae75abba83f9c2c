#include "agent/kernel/uprobes/file_key.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

namespace hoptrail::agent::kernel {

std::optional<FileKey> FileKeyOf(const std::string& path) {
  struct stat file;
  struct statfs system;
  if (stat(path.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) return std::nullopt;
  FileKey key = {.device = file.st_dev, .inode = file.st_ino};
  if (statfs(path.c_str(), &system) == 0 && system.f_type == OVERLAYFS_SUPER_MAGIC) {
    key.device = 0;
    key.size = file.st_size;
    key.changed_ns = file.st_ctim.tv_sec * 1'000'000'000 + file.st_ctim.tv_nsec;
  }
  return key;
}

}  // namespace hoptrail::agent::kernel
