#ifndef HOPTRAIL_AGENT_SPOOL_BATCH_BUILDER_H_
#define HOPTRAIL_AGENT_SPOOL_BATCH_BUILDER_H_

#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "core/wire/limits.h"
#include <hoptrail/v1/sensor.pb.h>

namespace hoptrail::agent::spool {

// Puts serialized records into one batch: at most kMaxBatchRecords and about `max_bytes`, but
// always one record, whatever its size. Not thread-safe.
class BatchBuilder {
 public:
  explicit BatchBuilder(size_t max_bytes) : max_bytes_(max_bytes) {}

  // False: the batch is full, and the record was not added. DATA_LOSS: the body is not a record.
  absl::StatusOr<bool> Add(absl::string_view body) {
    const size_t bytes = bytes_ + body.size() + kFieldBytes;
    const auto records = static_cast<size_t>(batch_.records_size());
    if (records >= wire::kMaxBatchRecords || (records > 0 && bytes > max_bytes_)) return false;
    if (!batch_.add_records()->ParseFromArray(body.data(), static_cast<int>(body.size()))) {
      return absl::DataLossError("a spooled record does not parse");
    }
    bytes_ = bytes;
    return true;
  }
  v1::Batch Take() { return std::move(batch_); }

 private:
  static constexpr size_t kFieldBytes = 8;  // tag and length, with some to spare

  const size_t max_bytes_;
  size_t bytes_ = 0;
  v1::Batch batch_;
};

}  // namespace hoptrail::agent::spool

#endif  // HOPTRAIL_AGENT_SPOOL_BATCH_BUILDER_H_
