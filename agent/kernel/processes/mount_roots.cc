#include "agent/kernel/processes/mount_roots.h"

#include <iterator>

#include "absl/strings/str_cat.h"

#include <sys/stat.h>

namespace hoptrail::agent::kernel {
namespace {

std::string DirectoryOf(uint32_t pid) { return absl::StrCat("/proc/", pid); }

}  // namespace

RootKey RootKeyOf(const std::string& process) {
  struct stat mounts, directory;
  if (stat(absl::StrCat(process, "/ns/mnt").c_str(), &mounts) != 0) return {};
  if (stat(absl::StrCat(process, "/root").c_str(), &directory) != 0) return {};
  return {mounts.st_ino, directory.st_dev, directory.st_ino};
}

MountRoots::MountRoots() : own_(RootKeyOf("/proc/self")) {}

void MountRoots::Add(const Process& process) {
  if (process.root == own_) return;
  Members& members = members_[process.root];
  members.pids.insert(process.pid);
  if (members.representative == 0) members.representative = process.pid;
  if (members.pids.size() < members.prune_at) return;
  Prune(process.root, true, &members);
  members.prune_at = 2 * members.pids.size() + 16;
}

// Forgets members that have left the root: all of them, or those before the first that has not.
// False where no member is left.
bool MountRoots::Prune(const RootKey& root, bool all, Members* members) {
  for (auto pid = members->pids.begin(); pid != members->pids.end();) {
    const auto next = std::next(pid);
    if (RootKeyOf(DirectoryOf(*pid)) != root) {
      members->pids.erase(pid);
    } else {
      members->representative = *pid;
      if (!all) return true;
    }
    pid = next;
  }
  return !members->pids.empty();
}

void MountRoots::Update() {
  examined_.clear();
  for (const uint32_t pid : walk_.Next()) {
    const Process process = {pid, RootKeyOf(DirectoryOf(pid))};
    if (process.root == RootKey{}) continue;
    examined_.push_back(process);
    Add(process);
  }
  roots_ = {{own_, "/proc/self", ""}};
  for (auto root = members_.begin(); root != members_.end();) {
    auto& [key, members] = *root;
    if (RootKeyOf(DirectoryOf(members.representative)) != key && !Prune(key, false, &members)) {
      root = members_.erase(root);
      continue;
    }
    const std::string process = DirectoryOf(members.representative);
    roots_.push_back({key, process, absl::StrCat(process, "/root")});
    ++root;
  }
}

}  // namespace hoptrail::agent::kernel
