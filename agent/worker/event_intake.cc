#include "agent/worker/event_intake.h"

#include <map>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "agent/decode/decoder.h"
#include "agent/kernel/snapshot/snapshot.h"
#include "core/base/log.h"

namespace hoptrail::agent {
namespace {

// In a flood the rings are never empty; the signal that ended the agent is read long before.
constexpr absl::Duration kDrainWithin = absl::Seconds(1);
// A snapshot walks every process: more of them would not help a host that loses records all the
// time.
constexpr uint64_t kSnapshotEveryTicks = 10;

}  // namespace

absl::Status EventIntake::Poll() {
  return reader_
      ->Poll(absl::ZeroDuration(), [this](const void* data, size_t size) { Handle(data, size); })
      .status();
}

absl::Status EventIntake::Drain() {
  return reader_->Drain(kDrainWithin,
                        [this](const void* data, size_t size) { Handle(data, size); });
}

void EventIntake::Handle(const void* data, size_t size) {
  const absl::StatusOr<decode::Event> event = decode::Decode(data, size);
  if (!event.ok()) {
    // The two sides of one build disagree: a fault of ours, reported like any other loss.
    options_.losses->Add("decode", "", 1, options_.clock->WallNs());
    LogWarning("agent", "skipped a record of the kernel side: ", event.status().message());
    return;
  }
  if (read_.size() <= event->header.type) read_.resize(event->header.type + 1);
  Read& read = read_[event->header.type];
  ++read.records;
  read.bytes += size;
  if (const auto* lost = std::get_if<decode::Lost>(&event->body)) lost_ += lost->count;
  options_.heartbeat->Handle(*event);
  options_.pipeline->Handle(*event);
}

void EventIntake::TakeSnapshot() {
  lost_at_snapshot_ = lost_;
  snapshot_tick_ = ticks_;
  const absl::Status status = kernel::TakeSnapshot(
      [this](kernel::Walk walk) { return options_.loader->OpenIterator(walk); },
      [this](const void* data, size_t size) { Handle(data, size); });
  if (!status.ok()) LogWarning("agent", "the snapshot is incomplete: ", status.message());
}

void EventIntake::Tick() {
  ++ticks_;
  if (lost_ == lost_at_snapshot_ || ticks_ - snapshot_tick_ < kSnapshotEveryTicks) return;
  LogWarning("agent", "the kernel side lost ", lost_ - lost_at_snapshot_,
             " records; taking a fresh snapshot");
  TakeSnapshot();
}

void EventIntake::LogCounts() const {
  std::vector<std::string> counts, bytes;
  for (uint32_t type = 0; type < read_.size(); ++type) {
    if (read_[type].records == 0) continue;
    const std::string name = absl::StrCat(decode::TypeName(type), " ");
    counts.push_back(absl::StrCat(name, read_[type].records));
    bytes.push_back(absl::StrCat(name, read_[type].bytes));
  }
  LogInfo("agent", "read in all: ", absl::StrJoin(counts, ", "));
  LogInfo("agent", "bytes in all: ", absl::StrJoin(bytes, ", "));
  std::map<std::string, uint64_t> lost;  // of all CPUs
  for (const kernel::LossCount& loss : reader_->ReadLosses()) {
    lost[absl::StrCat(loss.where, loss.type.empty() ? "" : " ", loss.type)] += loss.count;
  }
  LogInfo("agent", "lost in all: ", absl::StrJoin(lost, ", ", absl::PairFormatter(" ")));
}

}  // namespace hoptrail::agent
