#include "agent/kernel/programs/cgroup_root.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

namespace hoptrail::agent::kernel {
namespace {

constexpr ino_t kRootInode = 1;  // kernfs numbers its nodes, the root first

bool IsRootCgroup(int fd) {
  struct statfs file_system = {};
  struct stat file = {};
  return fstatfs(fd, &file_system) == 0 && file_system.f_type == CGROUP2_SUPER_MAGIC &&
         fstat(fd, &file) == 0 && file.st_ino == kRootInode;
}

UniqueFd MountPrivately() {
  const UniqueFd context(
      static_cast<int>(syscall(SYS_fsopen, "cgroup2", static_cast<unsigned>(FSOPEN_CLOEXEC))));
  if (!context.valid()) return UniqueFd();
  if (syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return UniqueFd();
  }
  return UniqueFd(static_cast<int>(
      syscall(SYS_fsmount, context.get(), static_cast<unsigned>(FSMOUNT_CLOEXEC), 0u)));
}

}  // namespace

absl::StatusOr<UniqueFd> OpenRootCgroup() {
  for (const char* path : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/proc/1/root/sys/fs/cgroup",
                           "/proc/1/root/sys/fs/cgroup/unified"}) {
    UniqueFd fd(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.valid() && IsRootCgroup(fd.get())) return fd;
  }
  UniqueFd mounted = MountPrivately();
  if (!mounted.valid()) {
    return absl::NotFoundError(
        absl::StrCat("the root of the cgroup2 hierarchy is not mounted, and mounting it failed: ",
                     strerror(errno)));
  }
  if (!IsRootCgroup(mounted.get())) {
    return absl::NotFoundError("only a container's part of the cgroup2 hierarchy is visible");
  }
  return mounted;
}

}  // namespace hoptrail::agent::kernel
