#ifndef HOPTRAIL_AGENT_SPOOL_SPOOL_READER_H_
#define HOPTRAIL_AGENT_SPOOL_SPOOL_READER_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

#include "agent/spool/spool_database.h"
#include "core/model/ids.h"
#include "core/sqlite/database.h"
#include <hoptrail/v1/sensor.pb.h>

namespace hoptrail::agent::spool {

// The uplink's own, reading connection to spool.db. It sees committed records only, and never waits
// for the writer. One thread at a time.
class SpoolReader {
 public:
  // `access`: how the writer has it open.
  static absl::StatusOr<SpoolReader> Open(
      const std::string& path, SpoolDatabase::Access access = SpoolDatabase::Access::kWrite);

  // The host whose records are sent first: an earlier boot's while any of its records wait,
  // otherwise `current`.
  absl::StatusOr<model::HostId> NextHost(const model::HostId& current);

  // The numbers of a host's records; zeros where there are none.
  struct Range {
    uint64_t first = 0;
    uint64_t last = 0;
  };
  absl::StatusOr<Range> Sequences(const model::HostId& host);

  // Records above `after`, in order, at most kMaxBatchRecords and about `max_bytes` (at least one,
  // whatever its size). Empty where there are none.
  absl::StatusOr<v1::Batch> ReadAfter(const model::HostId& host, uint64_t after, size_t max_bytes);

 private:
  SpoolReader() = default;

  sqlite::Database database_;
  sqlite::Statement read_;
};

}  // namespace hoptrail::agent::spool

#endif  // HOPTRAIL_AGENT_SPOOL_SPOOL_READER_H_
