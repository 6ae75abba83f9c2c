#include "agent/spool/storage.h"

#include <algorithm>
#include <variant>

#include "absl/strings/str_cat.h"

#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/wire/limits.h"

namespace hoptrail::agent::spool {
namespace {

using model::DegradationKind;

// How often a write is tried again after it failed.
constexpr absl::Duration kRetryEvery = absl::Seconds(1);
constexpr size_t kRecordsAtOnce = 256;
constexpr size_t kMaxStateKeys = 65'536;
constexpr size_t kMemoryBytes = size_t{16} << 20;

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
      reporter_(losses, options.degradations, options.database.clock),
      memory_(options.memory_records, kMemoryBytes),
      file_(options.database, &reporter_),
      numbers_(options.database.host, options.marks, options.database.clock),
      backlog_(kMaxStateKeys) {}

absl::Status Storage::OpenFile() {
  HT_ASSIGN_OR_RETURN(SpoolFile::Opened opened, file_.Open());
  saved_state_ = std::move(opened.state);
  if (file_.never_read()) backlog_.ForgetFile();
  const SequenceNumbers::LastRun last_run =
      numbers_.Start(file_.database().last_sequence(), reporter_);
  if (last_run.known && !opened.file_existed) {
    reporter_.AddLoss("spool", "removed", 1);
    reporter_.AddMissingHistory(absl::StrCat(file_.path(), " is gone"));
  } else if (last_run.state_behind) {
    reporter_.AddMissingHistory("the disk did not accept the last state that the run before saved");
  }
  Mark(numbers_.last());
  last_sequence_ = numbers_.last();
  if (!opened.writable.ok()) OnDiskError(opened.writable);
  return absl::OkStatus();
}

void Storage::Keep(std::vector<Change>* changes) {
  if (assumed_) return changes->clear();
  if (file_.RecreateIfRemoved() && !disk_failed_) {
    reporter_.ClearDegradation(DegradationKind::kStateUnwritable);
  }
  CatchUp(/*at_once=*/false);
  if (!disk_failed_) {
    const absl::Status status = Write(*changes);
    if (status.ok()) {
      changes->clear();
      return;
    }
    OnDiskError(status);
  }
  KeepInMemory(changes);
}

absl::Status Storage::Write(const std::vector<Change>& changes) {
  const size_t facts = CountFacts(changes);
  const uint64_t last = numbers_.last() + facts;
  if (!numbers_.IsBelowBootTime(last)) Mark(last);
  absl::StatusOr<SpoolDatabase::Committed> committed = file_.Apply(changes, numbers_.next());
  if (committed.status().code() == absl::StatusCode::kDataLoss) {
    file_.Quarantine(committed.status());
    HT_RETURN_IF_ERROR(Reopen());
    committed = file_.Apply(changes, numbers_.next());
  } else if (committed.status().code() == absl::StatusCode::kResourceExhausted) {
    file_.database().MakeRoom();
    committed = file_.Apply(changes, numbers_.next());
  }
  if (!committed.ok()) return committed.status();
  numbers_.Advance(facts);
  last_sequence_ = numbers_.last();
  OnCommitted(*committed);
  return absl::OkStatus();
}

absl::Status Storage::Reopen() { return file_.Reopen(first_welcome_, numbers_.first_of_run()); }

void Storage::OnCommitted(const SpoolDatabase::Committed& committed) {
  reporter_.AddLosses("spool", committed.dropped);
  const uint64_t bound = options_.database.max_bytes;
  if (!committed.dropped.empty()) {
    reporter_.AddDegradation(DegradationKind::kSpoolFull,
                             absl::StrCat("the spool has reached its ", bound >> 20,
                                          " MiB: the oldest records go, low value first"));
  } else if (committed.used_bytes < bound / 2) {
    reporter_.ClearDegradation(DegradationKind::kSpoolFull);
  }
}

void Storage::OnDiskError(const absl::Status& status) {
  if (!disk_failed_) {
    LogError("spool", "cannot write ", file_.path(), ", continuing in memory: ", status.message());
  }
  disk_failed_ = true;
  retry_at_ = SteadyTime::Now() + kRetryEvery;
  reporter_.AddDegradation(DegradationKind::kStateUnwritable, std::string(status.message()));
}

void Storage::KeepInMemory(std::vector<Change>* changes) {
  for (Change& change : *changes) {
    if (const auto* fact = std::get_if<model::Fact>(&change)) {
      if (!numbers_.in_memory()) numbers_.OnInMemory(numbers_.next());
      const auto dropped = memory_.Add(Store(*fact, numbers_.next()));
      numbers_.Advance(1);
      reporter_.AddLosses("memory", dropped);
      if (!dropped.empty()) {
        reporter_.AddDegradation(DegradationKind::kSpoolFull,
                                 "the records that wait in memory have reached their bound: the "
                                 "oldest records go, low value first");
      }
      continue;
    }
    const auto* acknowledged = std::get_if<Acknowledged>(&change);
    if (acknowledged != nullptr && acknowledged->host == host()) {
      memory_.Acknowledge(acknowledged->sequence);
    }
    backlog_.Put(std::move(change));
  }
  changes->clear();
  last_sequence_ = numbers_.last();
  Mark(numbers_.last());
}

void Storage::Mark(uint64_t last) {
  if (assumed_) return;
  const absl::Status status = numbers_.Mark(last, /*state_behind=*/!backlog_.empty());
  if (status.ok() || disk_failed_) return;
  LogWarning("spool", "cannot write the marks for the next run: ", status.message());
}

void Storage::CatchUp(bool at_once) {
  if (!disk_failed_ || (!at_once && SteadyTime::Now() < retry_at_)) return;
  absl::Status status = MoveToDisk();
  if (status.code() == absl::StatusCode::kDataLoss) {
    file_.Quarantine(status);
    status = MoveToDisk();
  }
  if (!status.ok()) return OnDiskError(status);
  disk_failed_ = false;
  LogInfo("spool", file_.path(), " can be written again");
  numbers_.OnDiskUpToDate();
  Mark(numbers_.last());
  if (!file_.removed()) reporter_.ClearDegradation(DegradationKind::kStateUnwritable);
}

absl::Duration Storage::UntilCatchUp() const {
  if (!disk_failed_) return absl::InfiniteDuration();
  return std::max(retry_at_ - SteadyTime::Now(), absl::ZeroDuration());
}

absl::Status Storage::MoveToDisk() {
  if (!file_.writable()) HT_RETURN_IF_ERROR(Reopen());
  while (true) {
    const std::vector<StoredRecord> oldest = memory_.Oldest(kRecordsAtOnce);
    if (oldest.empty()) break;
    HT_ASSIGN_OR_RETURN(const SpoolDatabase::Committed committed, file_.Insert(oldest));
    memory_.OnMovedToDisk(oldest.back().sequence);
    OnCommitted(committed);
  }
  if (backlog_.empty()) return absl::OkStatus();
  HT_ASSIGN_OR_RETURN(const SpoolDatabase::Committed committed,
                      file_.Apply(backlog_.Changes(), numbers_.next()));
  backlog_.Clear();
  OnCommitted(committed);
  return absl::OkStatus();
}

void Storage::CountLostOfLastRuns(uint64_t acknowledged) {
  const uint64_t lost =
      numbers_.TakeLost(acknowledged, [this](uint64_t after, uint64_t last) -> uint64_t {
        if (!file_.open()) return 0;
        const auto on_disk = file_.database().Count(host(), after, last);
        uint64_t sum = 0;
        if (on_disk.ok()) {
          for (const auto& [kind, count] : *on_disk) sum += count;
        }
        return sum;
      });
  if (lost == 0) return;
  reporter_.AddLoss("memory", "record", lost);
  reporter_.AddMissingHistory("the run before ended with records that the disk had not accepted");
}

void Storage::OnWelcome(uint64_t acknowledged) {
  if (!first_welcome_.has_value()) {
    first_welcome_ = acknowledged;
    CountLostOfLastRuns(acknowledged);
    Mark(numbers_.last());
  }
  if (acknowledged < numbers_.next()) return;
  // Another agent used this host's numbers, or this state is older than the last: the collector
  // skips the numbers of the records that wait here.
  if (file_.open()) {
    const auto waiting = file_.database().Count(host(), 0);
    if (waiting.ok()) reporter_.AddLosses("spool", *waiting);
  }
  for (const StoredRecord& record : memory_.Oldest(options_.memory_records)) {
    reporter_.AddLoss("memory", record.kind, 1);
  }
  memory_.Acknowledge(numbers_.last());
  reporter_.AddMissingHistory(absl::StrCat("the collector has records up to ", acknowledged,
                                           ", and this spool never had more than ",
                                           numbers_.last()));
  numbers_.ContinueAbove(acknowledged);
  Mark(numbers_.last());
  last_sequence_ = acknowledged;
}

Storage::Removed Storage::RemoveRecordsOf(const model::HostId& of, uint64_t acknowledged) {
  Removed removed;
  if (file_.open()) {
    const auto on_disk = file_.database().Count(of, acknowledged);
    if (on_disk.ok()) removed.on_disk = *on_disk;
  }
  if (of == host()) {
    for (const StoredRecord& record : memory_.Oldest(options_.memory_records)) {
      if (record.sequence > acknowledged) ++removed.in_memory;
    }
    memory_.Acknowledge(wire::kMaxCount);
  }
  Change forget = Acknowledged{of, wire::kMaxCount};
  removed.at_once = !disk_failed_ && Write({forget}).ok();
  if (!removed.at_once) backlog_.Put(std::move(forget));
  return removed;
}

void Storage::GiveUp(const model::HostId& other, uint64_t acknowledged) {
  reporter_.AddLosses("spool", RemoveRecordsOf(other, acknowledged).on_disk);
}

void Storage::Assume(const model::HostId& assumed, uint64_t acknowledged) {
  const Removed removed = RemoveRecordsOf(host(), acknowledged);
  uint64_t given_up = removed.in_memory;
  // For the next run, records that stay on disk are an earlier boot's: it gives them up then.
  for (const auto& [kind, count] : removed.on_disk) given_up += removed.at_once ? count : 0;
  const absl::Status status = numbers_.MarkAssumed(assumed, given_up);
  if (!status.ok()) {
    LogWarning("spool", "cannot save that the next run speaks for ", model::ToString(assumed), ": ",
               status.message());
  }
  assumed_ = true;
}

void Storage::OnDamaged(uint64_t generation) {
  if (generation != reading().generation) return;
  file_.Quarantine(absl::DataLossError("found when it was read"));
  const absl::Status status = Reopen();
  if (!status.ok()) OnDiskError(status);
}

void Storage::OnUnreadable(uint64_t generation) {
  if (generation != reading().generation || !file_.open()) return;
  // This connection may still be able to read.
  SpoolDatabase& database = file_.database();
  uint64_t saved = 0;
  absl::StatusOr<std::vector<StoredRecord>> records =
      database.Records(0, options_.memory_records / 2, kMemoryBytes / 2);
  if (records.ok()) {
    saved = records->size();
    if (saved > 0) numbers_.OnInMemory(records->front().sequence);
    for (StoredRecord& record : *records) {
      reporter_.AddLosses("memory", memory_.Add(std::move(record)));
    }
  }
  reporter_.AddLoss("spool", "unreadable", database.spooled() - saved);
  file_.Close();
  OnDiskError(absl::UnavailableError(absl::StrCat(file_.path(), " cannot be read")));
  Mark(numbers_.last());
}

}  // namespace hoptrail::agent::spool
