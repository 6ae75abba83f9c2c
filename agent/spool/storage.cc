#include "agent/spool/storage.h"

#include <algorithm>
#include <cerrno>
#include <variant>

#include "absl/strings/str_cat.h"

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/sqlite/set_aside.h"
#include <sys/stat.h>

namespace hoptrail::agent::spool {
namespace {

using Access = SpoolDatabase::Access;
using model::DegradationKind;

constexpr uint64_t kSecondNs = 1'000'000'000;
// How often a disk that refused is tried again, and the file is looked for.
constexpr uint64_t kRetryNs = kSecondNs;
constexpr size_t kRecordsAtOnce = 256;
constexpr size_t kMaxStateKeys = 65'536;
// Numbers that are marked as used ahead of their use, where the boot time does not vouch for them.
constexpr uint64_t kMarkAhead = 100'000;
constexpr absl::Duration kHistoryMissedFor = absl::Hours(24);

uint64_t NowNs() { return Clock::System().BootNs(); }

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

size_t CountFacts(const std::vector<Change>& changes) {
  return static_cast<size_t>(std::count_if(
      changes.begin(), changes.end(),
      [](const Change& change) { return std::holds_alternative<model::Fact>(change); }));
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
  std::pair<uint64_t, uint64_t> before;
  const bool file_existed = !KeyOf(path(), &before) || before.second != 0;
  std::string set_aside;
  absl::StatusOr<SpoolDatabase> database = SpoolDatabase::Open(options_.database, &set_aside);
  if (database.status().code() == absl::StatusCode::kUnimplemented) {
    return absl::FailedPreconditionError(database.status().message());
  }
  const absl::Status opened = database.status();
  if (!opened.ok()) database = SpoolDatabase::OpenToRead(options_.database);
  if (database.ok()) Use(*std::move(database));
  if (!set_aside.empty()) {
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
  if (before.host == options_.database.host) {
    next_sequence_ = std::max(next_sequence_, before.used_sequence + 1);
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

void Storage::Keep(std::vector<Change>* changes) {
  LookAtFile();
  CatchUp(false);
  if (!refused_) {
    const absl::Status status = Write(*changes);
    if (status.ok()) {
      changes->clear();
      return;
    }
    Refuse(status);
  }
  KeepInMemory(changes);
}

absl::Status Storage::Write(const std::vector<Change>& changes) {
  const size_t facts = CountFacts(changes);
  if (!Vouched(next_sequence_ + facts - 1)) SetMarks(next_sequence_ + facts - 1);
  absl::StatusOr<SpoolDatabase::Committed> committed = database_.Apply(changes, next_sequence_);
  if (committed.status().code() == absl::StatusCode::kDataLoss) {
    Quarantine(committed.status());
    HT_RETURN_IF_ERROR(Reopen());
    committed = database_.Apply(changes, next_sequence_);
  } else if (committed.status().code() == absl::StatusCode::kResourceExhausted) {
    database_.MakeRoom();
    committed = database_.Apply(changes, next_sequence_);
  }
  if (!committed.ok()) return committed.status();
  next_sequence_ += facts;
  last_sequence_ = next_sequence_ - 1;
  Note(*committed);
  return absl::OkStatus();
}

void Storage::Note(const SpoolDatabase::Committed& committed) {
  on_disk_ = database_.spooled();
  Lose("spool", committed.dropped);
  if (options_.degradations == nullptr) return;
  const uint64_t bound = options_.database.max_bytes;
  if (!committed.dropped.empty()) {
    options_.degradations->Add(DegradationKind::kSpoolFull,
                               absl::StrCat("the spool has reached its ", bound >> 20,
                                            " MiB: the oldest records go, low value first"));
  } else if (committed.used_bytes < bound / 2) {
    options_.degradations->Clear(DegradationKind::kSpoolFull);
  }
}

void Storage::Lose(absl::string_view where, const std::map<std::string, uint64_t>& counts) {
  for (const auto& [kind, count] : counts) {
    losses_->Add(std::string(where), kind, count, options_.database.clock->WallNs());
  }
}

void Storage::Refuse(const absl::Status& status) {
  if (!refused_)
    LogError("spool", "cannot write ", path(), ", going on in memory: ", status.message());
  refused_ = true;
  retry_boot_ns_ = NowNs() + kRetryNs;
  if (options_.degradations != nullptr) {
    options_.degradations->Add(DegradationKind::kStateUnwritable, std::string(status.message()));
  }
}

void Storage::KeepInMemory(std::vector<Change>* changes) {
  for (Change& change : *changes) {
    if (const auto* fact = std::get_if<model::Fact>(&change)) {
      if (memory_first_ == 0) memory_first_ = next_sequence_;
      const auto dropped = memory_.Add(Store(*fact, next_sequence_++));
      Lose("memory", dropped);
      if (!dropped.empty() && options_.degradations != nullptr) {
        options_.degradations->Add(DegradationKind::kSpoolFull,
                                   "what may wait in memory has reached its bound: the oldest "
                                   "records go, low value first");
      }
      continue;
    }
    const auto* acknowledged = std::get_if<Acknowledged>(&change);
    if (acknowledged != nullptr && acknowledged->host == options_.database.host) {
      memory_.Acknowledge(acknowledged->sequence);
    }
    backlog_.Put(std::move(change));
  }
  changes->clear();
  last_sequence_ = next_sequence_ - 1;
  SetMarks(next_sequence_ - 1);
}

// A run that begins later begins above it, whatever the marks say.
bool Storage::Vouched(uint64_t sequence) const {
  return sequence <= options_.database.clock->BootNs() / 1000;
}

void Storage::SetMarks(uint64_t last) {
  const absl::Status status = options_.marks->Update([&](Marks& marks) {
    Marks now;
    now.host = options_.database.host;
    now.used_sequence = marks.host == now.host ? marks.used_sequence : 0;
    if (!Vouched(last) && last > now.used_sequence) now.used_sequence = last + kMarkAhead;
    now.in_memory = inherited_;
    if (memory_first_ != 0) now.in_memory.push_back({memory_first_, last});
    now.state_behind = !backlog_.empty();
    marks = now;
  });
  if (status.ok()) return;
  if (!refused_) LogWarning("spool", "cannot be marked: ", status.message());
}

void Storage::CatchUp(bool at_once) {
  if (!refused_ || (!at_once && NowNs() < retry_boot_ns_)) return;
  absl::Status status = BringToDisk();
  if (status.code() == absl::StatusCode::kDataLoss) {
    Quarantine(status);
    status = BringToDisk();
  }
  if (!status.ok()) return Refuse(status);
  refused_ = false;
  LogInfo("spool", path(), " can be written again");
  memory_first_ = 0;
  SetMarks(next_sequence_ - 1);
  if (options_.degradations != nullptr && !removed_) {
    options_.degradations->Clear(DegradationKind::kStateUnwritable);
  }
}

absl::Duration Storage::UntilCatchUp() const {
  if (!refused_) return absl::InfiniteDuration();
  const uint64_t now = NowNs();
  return absl::Nanoseconds(now >= retry_boot_ns_ ? 0 : retry_boot_ns_ - now);
}

absl::Status Storage::BringToDisk() {
  if (database_.access() != Access::kWrite) HT_RETURN_IF_ERROR(Reopen());
  while (true) {
    const std::vector<StoredRecord> oldest = memory_.Oldest(kRecordsAtOnce);
    if (oldest.empty()) break;
    HT_ASSIGN_OR_RETURN(const SpoolDatabase::Committed committed, database_.Insert(oldest));
    memory_.TakenByDisk(oldest.back().sequence);
    Note(committed);
  }
  if (backlog_.empty()) return absl::OkStatus();
  HT_ASSIGN_OR_RETURN(const SpoolDatabase::Committed committed,
                      database_.Apply(backlog_.Changes(), next_sequence_));
  backlog_.Clear();
  Note(committed);
  return absl::OkStatus();
}

absl::Status Storage::Reopen() {
  std::string set_aside;
  HT_ASSIGN_OR_RETURN(SpoolDatabase database, SpoolDatabase::Open(options_.database, &set_aside));
  if (!set_aside.empty()) {
    losses_->Add("spool", "damaged", 1, options_.database.clock->WallNs());
  }
  if (never_read_ && (first_welcome_.has_value() || database.last_sequence() >= run_first_)) {
    // Its records of this host are older than what was sent meanwhile: the collector would skip
    // them.
    HT_ASSIGN_OR_RETURN(const auto counts, database.Count(first_welcome_.value_or(0)));
    HT_RETURN_IF_ERROR(
        database.Apply({Acknowledged{options_.database.host, database.last_sequence()}}, 1)
            .status());
    Lose("spool", counts);
  }
  never_read_ = false;
  Use(std::move(database));
  return absl::OkStatus();
}

void Storage::LookAtFile() {
  if (database_.access() != Access::kWrite || NowNs() < look_boot_ns_) return;
  look_boot_ns_ = NowNs() + kRetryNs;
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
  HT_RETURN_IF_ERROR(sqlite::SetAsideDamaged(path(), options_.database.clock->WallNs()).status());
  std::string set_aside;
  HT_ASSIGN_OR_RETURN(SpoolDatabase fresh, SpoolDatabase::Open(options_.database, &set_aside));
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
  const auto aside = sqlite::SetAsideDamaged(path(), options_.database.clock->WallNs());
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
    for (StoredRecord& record : *records) Lose("memory", memory_.Add(std::move(record)));
    saved = records->size();
    if (saved > 0) memory_first_ = records->front().sequence;
  }
  losses_->Add("spool", "unreadable", database_.spooled() - saved,
               options_.database.clock->WallNs());
  Use(SpoolDatabase());
  Refuse(absl::UnavailableError(absl::StrCat(path(), " cannot be read")));
  SetMarks(next_sequence_ - 1);
}

void Storage::CountInherited(uint64_t acknowledged) {
  uint64_t missing = 0;
  for (const Marks::Range& range : std::exchange(inherited_, {})) {
    const uint64_t after = std::max(acknowledged, range.first - 1);
    if (range.last <= after) continue;
    missing += range.last - after;
    if (database_.access() == Access::kNone) continue;
    const auto on_disk = database_.Count(after, range.last);  // after all
    if (!on_disk.ok()) continue;
    for (const auto& [kind, count] : *on_disk) missing -= std::min(missing, count);
  }
  if (missing == 0) return;
  losses_->Add("memory", "record", missing, options_.database.clock->WallNs());
  Forgot("records that the disk had not taken went with the run before");
}

void Storage::OnWelcome(uint64_t acknowledged) {
  if (!first_welcome_.has_value()) {
    first_welcome_ = acknowledged;
    CountInherited(acknowledged);
    SetMarks(next_sequence_ - 1);
  }
  if (acknowledged < next_sequence_) return;
  // Somebody else used this host's numbers, or this state is older than the last: what waits here
  // has numbers that the collector skips.
  absl::StatusOr<std::map<std::string, uint64_t>> waiting =
      database_.access() == Access::kNone ? std::map<std::string, uint64_t>() : database_.Count(0);
  if (waiting.ok()) Lose("spool", *waiting);
  for (const StoredRecord& record : memory_.Oldest(options_.memory_records)) {
    Lose("memory", {{record.kind, 1}});
  }
  memory_.Acknowledge(next_sequence_ - 1);
  Forgot(absl::StrCat("the collector has records up to ", acknowledged,
                      ", and this spool never had more than ", next_sequence_ - 1));
  next_sequence_ = acknowledged + 1;
  SetMarks(next_sequence_ - 1);
  last_sequence_ = acknowledged;
}

}  // namespace hoptrail::agent::spool
