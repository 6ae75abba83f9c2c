#include "core/sqlite/quarantine.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "core/base/log.h"
#include "core/base/status_macros.h"

namespace hoptrail::sqlite {
namespace {

// A file that does not exist is no error: there may be no write-ahead log.
absl::Status RenameIfThere(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0 ||
      errno == ENOENT) {
    return absl::OkStatus();
  }
  return absl::ErrnoToStatus(errno, absl::StrCat("rename ", from, " to ", to));
}

}  // namespace

absl::StatusOr<std::string> QuarantineDamaged(const std::string& path, int64_t wall_ns) {
  std::string stem = absl::StrCat(
      path, ".damaged-",
      absl::FormatTime("%Y%m%dT%H%M%SZ", absl::FromUnixNanos(wall_ns), absl::UTCTimeZone()));
  std::string target = stem;
  for (int i = 2; ::access(target.c_str(), F_OK) == 0; ++i) target = absl::StrCat(stem, "-", i);
  HT_RETURN_IF_ERROR(RenameIfThere(path, target));
  HT_RETURN_IF_ERROR(RenameIfThere(path + "-wal", target + "-wal"));
  HT_RETURN_IF_ERROR(RenameIfThere(path + "-shm", target + "-shm"));
  return target;
}

absl::StatusOr<Database> OpenOrQuarantine(OpenOptions options, absl::string_view component,
                                          int64_t wall_ns, std::string* quarantined) {
  options.check_integrity = true;
  absl::StatusOr<Database> database = Database::Open(options);
  if (database.status().code() != absl::StatusCode::kDataLoss) return database;
  absl::Status damage = database.status();
  HT_ASSIGN_OR_RETURN(std::string target, QuarantineDamaged(options.path, wall_ns));
  LogError(component, options.path, " is damaged (", damage.message(), "); quarantined as ", target,
           ", continuing with a new one");
  if (quarantined != nullptr) *quarantined = target;
  return Database::Open(options);
}

}  // namespace hoptrail::sqlite
