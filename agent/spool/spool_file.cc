#include "agent/spool/spool_file.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"

#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/sqlite/quarantine.h"
#include <sys/stat.h>

namespace hoptrail::agent::spool {
namespace {

using model::DegradationKind;

constexpr absl::Duration kCheckEvery = absl::Seconds(1);

// False where it cannot be found out whether there is such a file.
bool KeyOf(const std::string& path, FileKey* key) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) {
    *key = FileKeyOf(info);
    return true;
  }
  *key = {};
  return errno == ENOENT || errno == ENOTDIR;
}

// A full disk leaves an empty file where one was to be created.
bool MayHoldSomething(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_size > 0 : errno != ENOENT && errno != ENOTDIR;
}

}  // namespace

absl::StatusOr<SpoolFile::Opened> SpoolFile::Open() {
  Opened result;
  result.file_existed = MayHoldSomething(path());
  std::string quarantined;
  absl::StatusOr<SpoolDatabase> database = SpoolDatabase::Open(options_, &quarantined);
  if (database.status().code() == absl::StatusCode::kUnimplemented) {
    return absl::FailedPreconditionError(database.status().message());
  }
  result.writable = database.status();
  if (!database.ok()) database = SpoolDatabase::OpenToRead(options_);
  if (database.ok()) Use(*std::move(database));
  if (!quarantined.empty()) {
    // How many records the damaged file held cannot be known.
    reporter_.AddLoss("spool", "damaged", 1);
    reporter_.AddMissingHistory(absl::StrCat(path(), " was damaged"));
  }
  if (!open()) {
    never_read_ = true;
    if (result.file_existed) {
      reporter_.AddMissingHistory(
          absl::StrCat(path(), " cannot be read: ", result.writable.message()));
    }
    return result;
  }
  absl::StatusOr<session::SavedState> state = database_.LoadState();
  if (state.ok()) {
    result.state = *std::move(state);
  } else {
    reporter_.AddMissingHistory(
        absl::StrCat("the saved state cannot be read: ", state.status().message()));
  }
  return result;
}

void SpoolFile::Use(SpoolDatabase database) {
  database_ = std::move(database);
  if (!KeyOf(path(), &file_key_)) file_key_ = {};
  spooled_ = database_.spooled();
  MutexLock lock(&mutex_);
  reading_ = {database_.access(), reading_.generation + 1};
}

SpoolFile::Reading SpoolFile::reading() const {
  MutexLock lock(&mutex_);
  return reading_;
}

absl::StatusOr<SpoolDatabase::Committed> SpoolFile::Apply(const std::vector<Change>& changes,
                                                          uint64_t next_sequence) {
  absl::StatusOr<SpoolDatabase::Committed> committed = database_.Apply(changes, next_sequence);
  spooled_ = database_.spooled();
  return committed;
}

absl::StatusOr<SpoolDatabase::Committed> SpoolFile::Insert(
    const std::vector<StoredRecord>& records) {
  absl::StatusOr<SpoolDatabase::Committed> committed = database_.Insert(records);
  spooled_ = database_.spooled();
  return committed;
}

absl::Status SpoolFile::Reopen(std::optional<uint64_t> acknowledged, uint64_t run_first) {
  std::string quarantined;
  HT_ASSIGN_OR_RETURN(SpoolDatabase database, SpoolDatabase::Open(options_, &quarantined));
  if (!quarantined.empty()) reporter_.AddLoss("spool", "damaged", 1);
  if (never_read_ && (acknowledged.has_value() || database.last_sequence() >= run_first)) {
    HT_ASSIGN_OR_RETURN(const auto counts, database.Count(options_.host, acknowledged.value_or(0)));
    HT_RETURN_IF_ERROR(
        database.Apply({Acknowledged{options_.host, database.last_sequence()}}, 1).status());
    reporter_.AddLosses("spool", counts);
  }
  never_read_ = false;
  Use(std::move(database));
  return absl::OkStatus();
}

bool SpoolFile::RecreateIfRemoved() {
  if (!writable() || SteadyTime::Now() < check_at_) return false;
  check_at_ = SteadyTime::Now() + kCheckEvery;
  FileKey key;
  if (!KeyOf(path(), &key) || key == file_key_) return false;
  const absl::Status status = Recreate();
  if (status.ok()) {
    LogWarning("spool", path(), " was removed; a new one holds all that it held");
    removed_ = false;
    return true;
  }
  if (!removed_) {
    LogError("spool", path(), " was removed, and no new one can be created: ", status.message());
  }
  removed_ = true;
  reporter_.AddDegradation(DegradationKind::kStateUnwritable,
                           absl::StrCat(path(), " was removed: ", status.message()));
  return false;
}

absl::Status SpoolFile::Recreate() {
  // A write-ahead log that is left over does not belong to the new file.
  HT_RETURN_IF_ERROR(sqlite::QuarantineDamaged(path(), options_.clock->WallNs()).status());
  std::string quarantined;
  HT_ASSIGN_OR_RETURN(SpoolDatabase fresh, SpoolDatabase::Open(options_, &quarantined));
  HT_RETURN_IF_ERROR(fresh.CopyFrom(&database_));
  Use(std::move(fresh));
  return absl::OkStatus();
}

void SpoolFile::Quarantine(const absl::Status& damage) {
  if (!open()) return;
  reporter_.AddLoss("spool", "damaged", std::max<uint64_t>(database_.spooled(), 1));
  // Closed before it is renamed. The uplink's reader reads the renamed file until it looks at
  // reading().
  Close();
  const auto renamed = sqlite::QuarantineDamaged(path(), options_.clock->WallNs());
  LogError("spool", path(), " is damaged (", damage.message(), "); ",
           renamed.ok() ? "quarantined as " + *renamed : std::string(renamed.status().message()),
           ", continuing with a new one");
}

}  // namespace hoptrail::agent::spool
