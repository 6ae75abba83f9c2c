#include "agent/kernel/watch/change_stamps.h"

#include <algorithm>

#include "agent/kernel/watch/directory_walk.h"

namespace hoptrail::agent::kernel {
namespace {

// No file system that a host runs on keeps times more coarsely than two seconds.
constexpr int64_t kSettledAfterNs = 3'000'000'000;

}  // namespace

ChangeStamps::Sign ChangeStamps::Of(const struct stat& file, bool read) {
  Sign sign = {.device = file.st_dev, .inode = file.st_ino};
  // Whatever changes the names changes this, and nobody can set it back.
  if (read) sign.changed_ns = file.st_ctim.tv_sec * 1'000'000'000 + file.st_ctim.tv_nsec;
  return sign;
}

ChangeStamps::Sign ChangeStamps::Of(int fd, bool read) {
  struct stat file;
  return fd >= 0 && fstat(fd, &file) == 0 ? Of(file, read) : Sign();
}

void ChangeStamps::Opened(const std::string& path, int fd) { signs_.try_emplace(path, Of(fd, false)); }

void ChangeStamps::Read(const std::string& directory, int fd) {
  const Sign sign = Of(fd, true);
  signs_[directory] = sign;
  // A time far in the future is one of before the clock was put back: no further change will bear
  // it.
  const int64_t age_ns = clock_->WallNs() - sign.changed_ns;
  if (age_ns < kSettledAfterNs && age_ns > -kSettledAfterNs) settled_ = false;
}

void ChangeStamps::Clear() {
  signs_.clear();
  settled_ = true;
}

bool ChangeStamps::Hold(const DirectoryWalk& walk) const {
  return settled_ && std::all_of(signs_.begin(), signs_.end(), [&](const auto& known) {
           const auto& [path, sign] = known;
           const bool read = sign.changed_ns != 0;
           struct stat file;
           return (walk.Stat(path, &file) ? Of(file, read) : Sign()) == sign ||
                  Of(walk.OpenName(path).get(), read) == sign;
         });
}

}  // namespace hoptrail::agent::kernel
