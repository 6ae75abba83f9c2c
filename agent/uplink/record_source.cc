#include "agent/uplink/record_source.h"

#include <algorithm>
#include <utility>

#include "core/base/status_macros.h"
#include "core/wire/limits.h"

namespace hoptrail::agent::uplink {
namespace {

// After this many failures in a row to read the spool's file, the spool continues without it.
constexpr int kUnreadableAfter = 3;

}  // namespace

absl::Status RecordSource::Refresh() {
  const spool::SpoolFile::Reading reading = spool_.reading();
  if (generation_ == reading.generation && reader_.has_value()) return absl::OkStatus();
  reader_.reset();
  generation_ = reading.generation;
  if (reading.access == spool::SpoolDatabase::Access::kNone) return absl::OkStatus();
  auto reader = spool::SpoolReader::Open(spool_.path(), reading.access);
  if (!reader.ok()) return OnReaderError(reader.status());
  reader_.emplace(*std::move(reader));
  return absl::OkStatus();
}

absl::Status RecordSource::OnReaderError(const absl::Status& status) {
  if (status.code() == absl::StatusCode::kDataLoss) {
    spool_.ReportDamage(generation_);
  } else if (++failures_ >= kUnreadableAfter) {
    spool_.ReportUnreadable(generation_);
  }
  reader_.reset();
  return Annotate(status, "spool");
}

absl::StatusOr<model::HostId> RecordSource::ChooseHost() {
  if (!reader_.has_value()) return host_;
  const absl::StatusOr<model::HostId> host = reader_->NextHost(host_);
  if (!host.ok()) return OnReaderError(host.status());
  return skipped_hosts_.contains(*host) ? host_ : *host;
}

absl::StatusOr<spool::SpoolReader::Range> RecordSource::Spooled(const model::HostId& host) {
  spool::SpoolReader::Range range;
  const spool::MemoryTail::View tail = spool_.memory().Look();
  if (reader_.has_value()) {
    const absl::StatusOr<spool::SpoolReader::Range> on_disk = reader_->Sequences(host);
    if (!on_disk.ok()) return OnReaderError(on_disk.status());
    range = *on_disk;
  }
  if (host != host_ || tail.first == 0) return range;
  if (range.first == 0) range.first = tail.first;
  range.last = std::max(range.last, spool_.memory().last_sequence());
  return range;
}

absl::StatusOr<v1::Batch> RecordSource::Next(const model::HostId& host, uint64_t after) {
  const spool::MemoryTail& memory = spool_.memory();
  // Before the disk is read: the records in memory then follow those found on disk.
  const spool::MemoryTail::View tail = memory.Look();
  HT_RETURN_IF_ERROR(Refresh());
  if (reader_.has_value()) {
    absl::StatusOr<v1::Batch> batch = reader_->ReadAfter(host, after, wire::kMaxBatchBytes);
    if (!batch.ok()) return OnReaderError(batch.status());
    failures_ = 0;
    if (batch->records_size() > 0) return batch;
  }
  if (host != host_) return v1::Batch();
  return memory.ReadAfter(after, wire::kMaxBatchBytes, tail);
}

}  // namespace hoptrail::agent::uplink
