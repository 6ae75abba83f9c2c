#include "agent/kernel/processes/mount_roots.h"

#include <iterator>

#include "absl/strings/str_cat.h"

#include <sys/stat.h>

namespace hoptrail::agent::kernel {
namespace {

std::string DirectoryOf(uint32_t pid) { return absl::StrCat("/proc/", pid); }

}  // namespace

RootName NameRoot(const std::string& process) {
  struct stat mounts, directory;
  if (stat(absl::StrCat(process, "/ns/mnt").c_str(), &mounts) != 0) return {};
  if (stat(absl::StrCat(process, "/root").c_str(), &directory) != 0) return {};
  return {mounts.st_ino, directory.st_dev, directory.st_ino};
}

MountRoots::MountRoots() : own_(NameRoot("/proc/self")) {}

void MountRoots::Add(const Process& process) {
  if (process.root == own_) return;
  Members& members = members_[process.root];
  members.pids.insert(process.pid);
  if (members.speaker == 0) members.speaker = process.pid;
  if (members.pids.size() < members.tidy_at) return;
  Tidy(process.root, true, &members);
  members.tidy_at = 2 * members.pids.size() + 16;
}

// Forgets members that are gone, all of them or until one is found that is not; false where no
// member is left.
bool MountRoots::Tidy(const RootName& view, bool all, Members* members) {
  for (auto pid = members->pids.begin(); pid != members->pids.end();) {
    const auto next = std::next(pid);
    if (NameRoot(DirectoryOf(*pid)) != view) {
      members->pids.erase(pid);
    } else {
      members->speaker = *pid;
      if (!all) return true;
    }
    pid = next;
  }
  return !members->pids.empty();
}

void MountRoots::Look() {
  looked_at_.clear();
  for (const uint32_t pid : walk_.Next()) {
    const Process process = {pid, NameRoot(DirectoryOf(pid))};
    if (process.root == RootName{}) continue;
    looked_at_.push_back(process);
    Add(process);
  }
  views_ = {{own_, "/proc/self", ""}};
  for (auto view = members_.begin(); view != members_.end();) {
    auto& [name, members] = *view;
    if (NameRoot(DirectoryOf(members.speaker)) != name && !Tidy(name, false, &members)) {
      view = members_.erase(view);
      continue;
    }
    const std::string process = DirectoryOf(members.speaker);
    views_.push_back({name, process, absl::StrCat(process, "/root")});
    ++view;
  }
}

}  // namespace hoptrail::agent::kernel
