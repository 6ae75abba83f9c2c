#ifndef HOPTRAIL_COLLECTOR_STORE_SQLITE_FACT_WRITER_H_
#define HOPTRAIL_COLLECTOR_STORE_SQLITE_FACT_WRITER_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "collector/store/sqlite/row_numbers.h"
#include "collector/store/write_batch.h"
#include "core/sqlite/database.h"

namespace hoptrail::collector::store {

// Writes what agents report and what the joiner makes of it: hosts, sessions, hops, edges, login
// attempts and losses. Part of the Writer, and used by its thread.
class FactWriter {
 public:
  // `database` and `numbers` are not owned.
  static absl::StatusOr<std::unique_ptr<FactWriter>> Create(sqlite::Database* database,
                                                            RowNumbers* numbers,
                                                            int64_t max_login_attempts);

  // Within the Writer's transaction.
  absl::Status Write(const WriteBatch& batch, int64_t now_wall_ns);

 private:
  FactWriter(RowNumbers* numbers, int64_t max_login_attempts)
      : numbers_(numbers), max_login_attempts_(max_login_attempts) {}

  absl::Status WriteHost(const model::HostId& host, const HostChange& change);
  absl::Status WriteAddresses(const model::HostId& host, const HostChange& change,
                              int64_t now_wall_ns);
  absl::Status WriteSession(const model::Session& session, int64_t now_wall_ns);
  absl::Status WriteHop(const StoredHop& stored, int64_t now_wall_ns);
  absl::Status WriteEdge(const model::EdgeCount& edge, int64_t now_wall_ns);
  absl::Status WriteAppended(const WriteBatch& batch, int64_t now_wall_ns);

  RowNumbers* const numbers_;
  const int64_t max_login_attempts_;
  sqlite::Statement host_, address_, session_, delete_hop_, hop_, edge_, login_attempt_,
      trim_login_attempts_, loss_;
};

}  // namespace hoptrail::collector::store

#endif  // HOPTRAIL_COLLECTOR_STORE_SQLITE_FACT_WRITER_H_
