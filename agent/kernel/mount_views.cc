#include "agent/kernel/mount_views.h"

#include <dirent.h>

#include <cstdint>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include <sys/stat.h>

namespace hoptrail::agent::kernel {

std::vector<std::string> MountViews() {
  std::vector<std::string> roots = {""};
  // Processes share a view when they share the mount namespace and the root folder in it.
  std::set<std::pair<ino_t, std::pair<dev_t, ino_t>>> seen;
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return roots;
  while (const dirent* entry = readdir(proc)) {
    uint32_t pid = 0;
    if (!absl::SimpleAtoi(entry->d_name, &pid)) continue;
    const std::string root = absl::StrCat("/proc/", pid, "/root");
    struct stat mount_namespace, folder;
    if (stat(absl::StrCat("/proc/", pid, "/ns/mnt").c_str(), &mount_namespace) != 0) continue;
    if (stat(root.c_str(), &folder) != 0) continue;
    if (seen.insert({mount_namespace.st_ino, {folder.st_dev, folder.st_ino}}).second) {
      roots.push_back(root);
    }
  }
  closedir(proc);
  return roots;
}

}  // namespace hoptrail::agent::kernel
