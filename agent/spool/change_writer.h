#ifndef HOPTRAIL_AGENT_SPOOL_CHANGE_WRITER_H_
#define HOPTRAIL_AGENT_SPOOL_CHANGE_WRITER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "agent/spool/change.h"
#include "core/sqlite/database.h"

namespace hoptrail::agent::spool {

// The tables of the saved state, as against the records.
inline constexpr const char* kStateTables[] = {"sessions", "members", "hops"};
// Remote sessions that wrote files which later sessions run. Not void after a reboot. A file of an
// older version has no such table until a newer one opens it to write.
inline constexpr char kFileWritersTable[] =
    "CREATE TABLE IF NOT EXISTS file_writers ("
    "path TEXT NOT NULL, session BLOB NOT NULL, device INTEGER NOT NULL, inode INTEGER NOT NULL, "
    "owner INTEGER NOT NULL, user TEXT NOT NULL, origin TEXT NOT NULL, "
    "written_wall_ns INTEGER NOT NULL, PRIMARY KEY (path, session)) WITHOUT ROWID";

// Writes changes to spool.db, each list in one transaction, and keeps the file within its bound:
// drops the oldest records, low value first. Counts the records in the file. Part of SpoolDatabase;
// one thread at a time.
class ChangeWriter {
 public:
  // The effect of a transaction.
  struct Committed {
    // Records removed unsent because of the bound, by kind.
    std::map<std::string, uint64_t> dropped;
    uint64_t used_bytes = 0;
  };

  ChangeWriter() = default;  // writes nothing until assigned

  // `database` has the tables and outlives the writer. `host`: "MACHINE.BOOT", whose records and
  // state are written.
  static absl::StatusOr<ChangeWriter> Create(sqlite::Database* database, const std::string& host,
                                             uint64_t max_bytes);

  // Applies all changes, in order, or none; facts are numbered from `next_sequence` on.
  // RESOURCE_EXHAUSTED: the disk is full; DATA_LOSS: the file is damaged.
  absl::StatusOr<Committed> Apply(const std::vector<Change>& changes, uint64_t next_sequence);
  // The same for records that have waited in memory. Leaves records alone that the file has
  // already.
  absl::StatusOr<Committed> Insert(const std::vector<StoredRecord>& records);

  // Counts again, after rows were written by other means.
  absl::Status CountAll();

  // The highest number of `host` in the file; 0 where there is none.
  uint64_t last_sequence() const { return last_sequence_; }
  uint64_t spooled() const { return spooled_; }  // records of every host

 private:
  absl::Status Prepare();
  // In one transaction, or not at all.
  absl::StatusOr<Committed> Commit(absl::FunctionRef<absl::Status()> change);
  absl::Status InsertRow(const StoredRecord& record);
  absl::Status Write(const model::Fact& fact);
  absl::Status Write(const SaveSession& change);
  absl::Status Write(const RemoveSession& change);
  absl::Status Write(const SaveMember& change);
  absl::Status Write(const RemoveMember& change);
  absl::Status Write(const SaveHop& change);
  absl::Status Write(const RemoveHop& change);
  absl::Status Write(const SaveFileWriter& change);
  absl::Status Write(const RemoveFileWriter& change);
  absl::Status Write(const ForgetState& change);
  absl::Status Write(const Acknowledged& change);
  // Removes the oldest records, low value first, until the bound holds again.
  absl::Status HoldBound(Committed* committed);
  absl::StatusOr<uint64_t> DropOldest(bool low_value, Committed* committed);

  sqlite::Database* database_ = nullptr;
  std::string host_;
  uint64_t max_bytes_ = 0;
  uint64_t last_sequence_ = 0;
  uint64_t spooled_ = 0;
  sqlite::Statement insert_record_, acknowledge_;
  sqlite::Statement save_session_, remove_session_, save_member_, remove_member_, save_hop_,
      remove_hop_;
};

}  // namespace hoptrail::agent::spool

#endif  // HOPTRAIL_AGENT_SPOOL_CHANGE_WRITER_H_
