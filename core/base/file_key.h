#ifndef HOPTRAIL_CORE_BASE_FILE_KEY_H_
#define HOPTRAIL_CORE_BASE_FILE_KEY_H_

#include <compare>
#include <cstdint>

#include <sys/stat.h>

namespace hoptrail {

// Identifies a file on one host while it exists, whatever its path: device and inode number. Zeros
// where there is no file.
struct FileKey {
  uint64_t device = 0;
  uint64_t inode = 0;

  auto operator<=>(const FileKey&) const = default;
};

inline FileKey FileKeyOf(const struct stat& status) {
  return {.device = status.st_dev, .inode = status.st_ino};
}

}  // namespace hoptrail

#endif  // HOPTRAIL_CORE_BASE_FILE_KEY_H_
