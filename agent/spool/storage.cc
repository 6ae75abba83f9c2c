#include "agent/spool/storage.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"

#include "core/base/log.h"
#include "core/base/status_macros.h"
#include "core/wire/limits.h"

namespace hoptrail::agent::spool {
namespace {

using Access = SpoolDatabase::Access;
using model::DegradationKind;

// How often a disk that refused is tried again.
constexpr absl::Duration kRetryEvery = absl::Seconds(1);
constexpr size_t kRecordsAtOnce = 256;
// Numbers that are marked as used ahead of their use, where the boot time does not vouch for them.
constexpr uint64_t kMarkAhead = 100'000;

size_t CountFacts(const std::vector<Change>& changes) {
  return static_cast<size_t>(std::count_if(
      changes.begin(), changes.end(),
      [](const Change& change) { return std::holds_alternative<model::Fact>(change); }));
}

}  // namespace

void Storage::Keep(std::vector<Change>* changes) {
  if (assumed_) return changes->clear();
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
  retry_at_ = SteadyTime::Now() + kRetryEvery;
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
    if (acknowledged != nullptr && acknowledged->host == host()) {
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
  if (assumed_) return;
  const absl::Status status = options_.marks->Update([&](Marks& marks) {
    Marks now;
    if (marks.host == host()) now = marks;  // others write to it too
    now.host = host();
    now.given_up = 0;  // counted since
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
  if (!refused_ || (!at_once && SteadyTime::Now() < retry_at_)) return;
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
  return std::max(retry_at_ - SteadyTime::Now(), absl::ZeroDuration());
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

void Storage::CountInherited(uint64_t acknowledged) {
  uint64_t missing = 0;
  for (const Marks::Range& range : std::exchange(inherited_, {})) {
    const uint64_t after = std::max(acknowledged, range.first - 1);
    if (range.last <= after) continue;
    missing += range.last - after;
    if (database_.access() == Access::kNone) continue;
    const auto on_disk = database_.Count(host(), after, range.last);  // after all
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
  absl::StatusOr<std::map<std::string, uint64_t>> waiting = database_.access() == Access::kNone
                                                                ? std::map<std::string, uint64_t>()
                                                                : database_.Count(host(), 0);
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

Storage::Removed Storage::Remove(const model::HostId& of, uint64_t acknowledged) {
  Removed removed;
  if (database_.access() != Access::kNone) {
    const auto on_disk = database_.Count(of, acknowledged);
    if (on_disk.ok()) removed.on_disk = *on_disk;
  }
  if (of == host()) {
    for (const StoredRecord& record : memory_.Oldest(options_.memory_records)) {
      if (record.sequence > acknowledged) ++removed.in_memory;
    }
    memory_.Acknowledge(wire::kMaxCount);
  }
  Change forget = Acknowledged{of, wire::kMaxCount};
  removed.at_once = !refused_ && Write({forget}).ok();
  if (!removed.at_once) backlog_.Put(std::move(forget));
  return removed;
}

void Storage::GiveUp(const model::HostId& other, uint64_t acknowledged) {
  Lose("spool", Remove(other, acknowledged).on_disk);
}

void Storage::Assume(const model::HostId& assumed, uint64_t acknowledged) {
  const Removed removed = Remove(host(), acknowledged);
  uint64_t given_up = removed.in_memory;
  // What stays for now is an earlier boot's for the next run, and is given up then.
  for (const auto& [kind, count] : removed.on_disk) given_up += removed.at_once ? count : 0;
  const absl::Status status = options_.marks->Update([&](Marks& marks) {
    const bool again = marks.host == host() && !marks.kernel_boot.empty();
    Marks next;
    next.host = assumed;
    next.kernel_boot = again ? marks.kernel_boot : host().boot;
    next.given_up = given_up;
    marks = next;
  });
  if (!status.ok()) LogWarning("spool", "the next start will not know of it: ", status.message());
  assumed_ = true;
}

}  // namespace hoptrail::agent::spool
