#include "agent/stop/package_manager.h"

#include <algorithm>

#include <sys/stat.h>

namespace hoptrail::agent {

PackageManagers::PackageManagers()
    : PackageManagers({"/usr/bin/dpkg", "/usr/bin/rpm", "/usr/bin/dnf5", "/usr/bin/zypper",
                       "/usr/bin/pacman", "/usr/bin/apk", "/sbin/apk"},
                      0) {}

bool PackageManagers::Runs(const process::Process& process, const std::string& path) const {
  struct stat file {};
  if (process.image == nullptr || process.image->path != path ||
      process.credentials.euid != owner_ || ::stat(path.c_str(), &file) != 0) {
    return false;
  }
  const bool written_by_others = (file.st_mode & (S_IWGRP | S_IWOTH)) != 0;
  return S_ISREG(file.st_mode) && file.st_uid == owner_ && !written_by_others &&
         file.st_dev == process.image->device && file.st_ino == process.image->inode;
}

std::string PackageManagers::Find(const process::Process& process,
                                  const session::Lineage& lineage) const {
  std::string found;
  lineage.ForEachAncestor(process, [&](const process::Process& ancestor) {
    const auto path = std::find_if(paths_.begin(), paths_.end(),
                                   [&](const std::string& each) { return Runs(ancestor, each); });
    if (path != paths_.end()) found = *path;
    return found.empty();
  });
  return found;
}

}  // namespace hoptrail::agent
