#include "agent/kernel/watch/change_stamps.h"

#include <algorithm>

#include "agent/kernel/watch/directory_walk.h"

namespace hoptrail::agent::kernel {
namespace {

// The coarsest file system that a host runs on keeps times in steps of two seconds.
constexpr int64_t kSettledAfterNs = 3'000'000'000;

}  // namespace

ChangeStamps::Stamp ChangeStamps::Of(const struct stat& file, bool listed) {
  Stamp stamp = {.device = file.st_dev, .inode = file.st_ino};
  // Every change of a directory's entries sets the change time, and no system call can set it back.
  if (listed) stamp.changed_ns = file.st_ctim.tv_sec * 1'000'000'000 + file.st_ctim.tv_nsec;
  return stamp;
}

ChangeStamps::Stamp ChangeStamps::Of(int fd, bool listed) {
  struct stat file;
  return fd >= 0 && fstat(fd, &file) == 0 ? Of(file, listed) : Stamp();
}

void ChangeStamps::AddOpened(const std::string& path, int fd) {
  stamps_.try_emplace(path, Of(fd, false));
}

void ChangeStamps::AddListed(const std::string& directory, int fd) {
  const Stamp stamp = Of(fd, true);
  stamps_[directory] = stamp;
  // A time far in the future comes from before the clock was set back; the next change gets
  // another.
  const int64_t age_ns = clock_->WallNs() - stamp.changed_ns;
  if (age_ns < kSettledAfterNs && age_ns > -kSettledAfterNs) settled_ = false;
}

void ChangeStamps::Clear() {
  stamps_.clear();
  settled_ = true;
}

bool ChangeStamps::Hold(const DirectoryWalk& walk) const {
  return settled_ && std::all_of(stamps_.begin(), stamps_.end(), [&](const auto& known) {
           const auto& [path, stamp] = known;
           const bool listed = stamp.changed_ns != 0;
           struct stat file;
           return (walk.Stat(path, &file) ? Of(file, listed) : Stamp()) == stamp ||
                  Of(walk.OpenPath(path).get(), listed) == stamp;
         });
}

}  // namespace hoptrail::agent::kernel
