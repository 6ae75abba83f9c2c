// Storage's file: opening it, whatever state it is in, and noticing what happens to it.

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"

#include "agent/spool/storage.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/sqlite/quarantine.h"
#include <sys/stat.h>

namespace hoptrail::agent::spool {
namespace {

using Access = SpoolDatabase::Access;
using model::DegradationKind;

constexpr absl::Duration kLookEvery = absl::Seconds(1);
constexpr size_t kMaxStateKeys = 65'536;
constexpr absl::Duration kHistoryMissedFor = absl::Hours(24);

// Device and inode; zeros where there is no such file. False where it cannot be told.
bool KeyOf(const std::string& path, std::pair<uint64_t, uint64_t>* key) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) {
    *key = {info.st_dev, info.st_ino};
    return true;
  }
  *key = {0, 0};
  return errno == ENOENT || errno == ENOTDIR;
}

// An empty file is what a full disk leaves of one that was to be created.
bool MayHoldSomething(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_size > 0 : errno != ENOENT && errno != ENOTDIR;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Storage>> Storage::Open(const Options& options, LossLedger* losses) {
  std::unique_ptr<Storage> storage(new Storage(options, losses));
  HT_RETURN_IF_ERROR(storage->OpenFile());
  return storage;
}

Storage::Storage(const Options& options, LossLedger* losses)
    : options_(options),
      losses_(losses),
      memory_(options.memory_records, options.memory_bytes),
      backlog_(kMaxStateKeys) {}

absl::Status Storage::OpenFile() {
  const bool file_existed = MayHoldSomething(path());
  std::string quarantined;
  absl::StatusOr<SpoolDatabase> database = SpoolDatabase::Open(options_.database, &quarantined);
  if (database.status().code() == absl::StatusCode::kUnimplemented) {
    return absl::FailedPreconditionError(database.status().message());
  }
  const absl::Status opened = database.status();
  if (!opened.ok()) database = SpoolDatabase::OpenToRead(options_.database);
  if (database.ok()) Use(*std::move(database));
  if (!quarantined.empty()) {
    // How many records the damaged file held cannot be known.
    losses_->Add("spool", "damaged", 1, options_.database.clock->WallNs());
    Forgot(absl::StrCat(path(), " was damaged"));
  }
  if (database_.access() != Access::kNone) {
    absl::StatusOr<session::SavedState> state = database_.LoadState();
    if (state.ok()) {
      saved_state_ = *std::move(state);
    } else {
      Forgot(absl::StrCat("the saved state cannot be read: ", state.status().message()));
    }
  } else {
    never_read_ = true;
    backlog_.ForgetFile();
    if (file_existed) Forgot(absl::StrCat(path(), " cannot be read: ", opened.message()));
  }
  next_sequence_ =
      std::max<uint64_t>(database_.last_sequence() + 1, options_.database.clock->BootNs() / 1000);
  Inherit(file_existed);
  run_first_ = next_sequence_;
  last_sequence_ = next_sequence_ - 1;
  if (!opened.ok()) Refuse(opened);
  return absl::OkStatus();
}

// What the marks tell of the runs before, in this boot.
void Storage::Inherit(bool file_existed) {
  const Marks before = options_.marks->Get();
  if (before.host == host()) {
    next_sequence_ = std::max(next_sequence_, before.used_sequence + 1);
    losses_->Add("spool", "record", before.given_up, options_.database.clock->WallNs());
    inherited_ = before.in_memory;
    if (inherited_.size() == Marks::kMaxRanges) {
      const Marks::Range& oldest = inherited_.front();
      losses_->Add("memory", "record", oldest.last - oldest.first + 1,
                   options_.database.clock->WallNs());
      inherited_.erase(inherited_.begin());
    }
    if (!file_existed) {
      losses_->Add("spool", "removed", 1, options_.database.clock->WallNs());
      Forgot(absl::StrCat(path(), " is gone"));
    } else if (before.state_behind) {
      Forgot("the disk did not take the end of what the run before wanted to save");
    }
  }
  SetMarks(next_sequence_ - 1);
}

void Storage::Forgot(absl::string_view why) {
  LogWarning("spool", "starts without what the last run saved: ", why);
  if (options_.degradations != nullptr) {
    options_.degradations->Add(DegradationKind::kRestartedWithoutHistory, std::string(why),
                               kHistoryMissedFor);
  }
}

void Storage::Use(SpoolDatabase database) {
  database_ = std::move(database);
  if (!KeyOf(path(), &file_key_)) file_key_ = {0, 0};
  on_disk_ = database_.spooled();
  MutexLock lock(&mutex_);
  reading_ = {database_.access(), reading_.generation + 1};
}

Storage::Reading Storage::reading() const {
  MutexLock lock(&mutex_);
  return reading_;
}

absl::Status Storage::Reopen() {
  std::string quarantined;
  HT_ASSIGN_OR_RETURN(SpoolDatabase database, SpoolDatabase::Open(options_.database, &quarantined));
  if (!quarantined.empty()) {
    losses_->Add("spool", "damaged", 1, options_.database.clock->WallNs());
  }
  if (never_read_ && (first_welcome_.has_value() || database.last_sequence() >= run_first_)) {
    // Its records of this host are older than what was sent meanwhile: the collector would skip
    // them.
    HT_ASSIGN_OR_RETURN(const auto counts, database.Count(host(), first_welcome_.value_or(0)));
    HT_RETURN_IF_ERROR(
        database.Apply({Acknowledged{host(), database.last_sequence()}}, 1).status());
    Lose("spool", counts);
  }
  never_read_ = false;
  Use(std::move(database));
  return absl::OkStatus();
}

void Storage::LookAtFile() {
  if (database_.access() != Access::kWrite || SteadyTime::Now() < look_at_) return;
  look_at_ = SteadyTime::Now() + kLookEvery;
  std::pair<uint64_t, uint64_t> key;
  if (!KeyOf(path(), &key) || key == file_key_) return;
  const absl::Status status = Recreate();
  if (status.ok()) {
    LogWarning("spool", path(), " was removed; all that it held is in a new one");
    removed_ = false;
    if (!refused_ && options_.degradations != nullptr) {
      options_.degradations->Clear(DegradationKind::kStateUnwritable);
    }
    return;
  }
  // The file without a name is as good as any until this run ends.
  if (!removed_) {
    LogError("spool", path(), " was removed, and no new one can be made: ", status.message());
  }
  removed_ = true;
  if (options_.degradations != nullptr) {
    options_.degradations->Add(DegradationKind::kStateUnwritable,
                               absl::StrCat(path(), " was removed: ", status.message()));
  }
}

absl::Status Storage::Recreate() {
  // What is left of it is no part of a new one.
  HT_RETURN_IF_ERROR(sqlite::QuarantineDamaged(path(), options_.database.clock->WallNs()).status());
  std::string quarantined;
  HT_ASSIGN_OR_RETURN(SpoolDatabase fresh, SpoolDatabase::Open(options_.database, &quarantined));
  HT_RETURN_IF_ERROR(fresh.CopyFrom(&database_));
  Use(std::move(fresh));
  return absl::OkStatus();
}

void Storage::Quarantine(const absl::Status& damage) {
  if (database_.access() == Access::kNone) return;
  losses_->Add("spool", "damaged", std::max<uint64_t>(database_.spooled(), 1),
               options_.database.clock->WallNs());
  // Closed before it is renamed. The uplink's reader goes on with the renamed file until it looks
  // at reading().
  Use(SpoolDatabase());
  const auto aside = sqlite::QuarantineDamaged(path(), options_.database.clock->WallNs());
  LogError("spool", path(), " is damaged (", damage.message(), "); ",
           aside.ok() ? "kept as " + *aside : std::string(aside.status().message()),
           ", going on with a new one");
}

void Storage::OnDamaged(uint64_t generation) {
  if (generation != reading().generation) return;
  Quarantine(absl::DataLossError("found when it was read"));
  const absl::Status status = Reopen();
  if (!status.ok()) Refuse(status);
}

void Storage::OnUnreadable(uint64_t generation) {
  if (generation != reading().generation || database_.access() == Access::kNone) return;
  // This connection may still be able to.
  uint64_t saved = 0;
  absl::StatusOr<std::vector<StoredRecord>> records =
      database_.Records(0, options_.memory_records / 2, options_.memory_bytes / 2);
  if (records.ok()) {
    saved = records->size();
    if (saved > 0) memory_first_ = records->front().sequence;
    for (StoredRecord& record : *records) Lose("memory", memory_.Add(std::move(record)));
  }
  losses_->Add("spool", "unreadable", database_.spooled() - saved,
               options_.database.clock->WallNs());
  Use(SpoolDatabase());
  Refuse(absl::UnavailableError(absl::StrCat(path(), " cannot be read")));
  SetMarks(next_sequence_ - 1);
}

}  // namespace hoptrail::agent::spool
