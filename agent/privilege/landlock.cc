#include "agent/privilege/landlock.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"

#include "core/base/unique_fd.h"
#include <sys/stat.h>
#include <sys/syscall.h>

namespace hoptrail::agent::privilege {
namespace {

// From the kernel's include/uapi/linux/landlock.h; Debian 12's headers have an older version.
constexpr uint64_t kWriteFile = 1 << 1;
constexpr uint64_t kReadFile = 1 << 2;
constexpr uint64_t kReadDirectory = 1 << 3;
constexpr uint64_t kMakeSocket = 1 << 9;
constexpr uint64_t kRefer = 1 << 13;
constexpr uint64_t kTruncate = 1 << 14;
constexpr uint64_t kChange =
    (1 << 4) | (1 << 5) | (1 << 7) | (1 << 8);  // remove, make directory, file
constexpr uint64_t kFileRights = kWriteFile | kReadFile | kTruncate;
constexpr uint64_t kBindTcp = 1 << 0;
constexpr uint64_t kScopes = 3;  // abstract UNIX sockets, signals
constexpr uint32_t kCreateVersion = 1;
constexpr int kPathBeneath = 1;
constexpr int kNetPort = 2;

struct RulesetAttributes {
  uint64_t handled_access_fs = 0;
  uint64_t handled_access_net = 0;
  uint64_t scoped = 0;
};

// Packed in the kernel's header, too, which makes its size 12 bytes.
struct __attribute__((packed)) PathBeneathAttributes {
  uint64_t allowed_access = 0;
  int32_t parent_fd = -1;
};
static_assert(sizeof(PathBeneathAttributes) == 12);

struct NetPortAttributes {
  uint64_t allowed_access = 0;
  uint64_t port = 0;
};

uint64_t HandledAccess(int version) {
  uint64_t access = (1 << 13) - 1;  // the first version: execute to make symbolic link
  if (version >= 2) access |= kRefer;
  if (version >= 3) access |= kTruncate;
  if (version >= 5) access |= 1 << 15;  // ioctl on devices
  return access;
}

absl::Status Grant(int ruleset, const std::string& path, uint64_t access) {
  const UniqueFd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat status {};
  if (!fd.valid() || ::fstat(fd.get(), &status) != 0) return absl::OkStatus();
  if (!S_ISDIR(status.st_mode)) access &= kFileRights;
  PathBeneathAttributes rule;
  rule.allowed_access = access;
  rule.parent_fd = fd.get();
  if (::syscall(SYS_landlock_add_rule, ruleset, kPathBeneath, &rule, 0) == 0) {
    return absl::OkStatus();
  }
  return absl::ErrnoToStatus(errno, absl::StrCat("landlock_add_rule: ", path));
}

// gRPC finds out whether the host has IPv6 by binding a socket to [::1]:0, and uses no IPv6 where
// that fails. A port of the kernel's choice is not another service's, and nothing can connect to
// it, because seccomp forbids listen.
absl::Status GrantAnyFreePort(int ruleset) {
  NetPortAttributes rule;
  rule.allowed_access = kBindTcp;
  if (::syscall(SYS_landlock_add_rule, ruleset, kNetPort, &rule, 0) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, "landlock_add_rule: port 0");
}

}  // namespace

absl::StatusOr<int> RestrictPaths(const PathGrants& grants) {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, kCreateVersion);
  if (version < 1) {
    return absl::UnimplementedError(
        absl::StrCat("the kernel has no Landlock: ", version < 0 ? strerror(errno) : "version 0"));
  }
  RulesetAttributes attributes;
  attributes.handled_access_fs = HandledAccess(static_cast<int>(version));
  if (version >= 4) attributes.handled_access_net = kBindTcp;
  if (version >= 6) attributes.scoped = kScopes;
  const size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
  const UniqueFd ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!ruleset.valid()) return absl::ErrnoToStatus(errno, "landlock_create_ruleset");
  if (version >= 4) {
    const absl::Status status = GrantAnyFreePort(ruleset.get());
    if (!status.ok()) return status;
  }
  const uint64_t read = kReadFile | kReadDirectory;
  const uint64_t write = (read | kWriteFile | kTruncate | kChange) & attributes.handled_access_fs;
  static_assert((kChange & kMakeSocket) == 0);
  for (const std::string& path : grants.read) {
    absl::Status status = Grant(ruleset.get(), path, read);
    if (!status.ok()) return status;
  }
  for (const std::string& path : grants.write) {
    absl::Status status = Grant(ruleset.get(), path, write);
    if (!status.ok()) return status;
  }
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) {
    return absl::ErrnoToStatus(errno, "landlock_restrict_self");
  }
  return static_cast<int>(version);
}

}  // namespace hoptrail::agent::privilege
