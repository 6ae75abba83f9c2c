#ifndef HOPTRAIL_AGENT_KERNEL_UPROBES_FILE_KEY_H_
#define HOPTRAIL_AGENT_KERNEL_UPROBES_FILE_KEY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include <sys/types.h>

namespace hoptrail::agent::kernel {

// A file as uprobes are attached to it: by device and inode number. An overlay has one device for
// each mount, but uprobes are attached to the file below it, which the containers of one image
// share. There `device` is 0, and size and change time distinguish the file from others.
struct FileKey {
  dev_t device = 0;
  ino_t inode = 0;
  int64_t size = 0;
  int64_t changed_ns = 0;

  bool operator==(const FileKey&) const = default;
  friend bool operator<(const FileKey& a, const FileKey& b) {
    return std::tie(a.device, a.inode, a.size, a.changed_ns) <
           std::tie(b.device, b.inode, b.size, b.changed_ns);
  }
};

// The key of the regular file at `path`; nothing where there is none.
std::optional<FileKey> FileKeyOf(const std::string& path);

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_UPROBES_FILE_KEY_H_
