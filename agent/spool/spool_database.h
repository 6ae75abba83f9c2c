#ifndef HOPTRAIL_AGENT_SPOOL_SPOOL_DATABASE_H_
#define HOPTRAIL_AGENT_SPOOL_SPOOL_DATABASE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "agent/session/state_store.h"
#include "agent/spool/change.h"
#include "agent/spool/memory_tail.h"
#include "core/base/clock.h"
#include "core/model/ids.h"
#include "core/sqlite/database.h"

namespace hoptrail::agent::spool {

// Of the saved state, as against the records.
inline constexpr const char* kStateTables[] = {"sessions", "members", "hops"};

// The writing connection to spool.db: records that wait for the collector, and what the session
// tree must find again after a restart of the agent. Owned by Spool; one thread at a time.
//
// Transactions are committed without waiting for the disk (synchronous=NORMAL): they survive the
// death of the agent, and only a power cut can take the last ones. Waiting would cost every host
// an fsync for each event, to save what the collector has received a moment later anyway.
class SpoolDatabase {
 public:
  struct Options {
    std::string path;
    model::HostId host;
    uint64_t max_bytes = 0;
    const Clock* clock = nullptr;
  };
  // How the file is open, and how a reader must open it.
  enum class Access { kNone, kWrite, kRead, kReadImmutable };

  // What a transaction did.
  struct Committed {
    // Records removed unsent because of the bound, by kind.
    std::map<std::string, uint64_t> dropped;
    uint64_t used_bytes = 0;
  };

  SpoolDatabase() = default;  // no file

  // Opens or creates the file. A damaged one is kept aside under another name, which `quarantined`
  // gets.
  static absl::StatusOr<SpoolDatabase> Open(const Options& options, std::string* quarantined);
  // Opens what is there where nothing can be written: every change fails.
  static absl::StatusOr<SpoolDatabase> OpenToRead(const Options& options);

  // Of this host. Removes the saved state of other hosts and boots; their records stay and are
  // sent.
  absl::StatusOr<session::SavedState> LoadState();

  // Applies all changes, in order, or none; facts are numbered from `next_sequence` on.
  // RESOURCE_EXHAUSTED: the disk is full; DATA_LOSS: the file is damaged.
  absl::StatusOr<Committed> Apply(const std::vector<Change>& changes, uint64_t next_sequence);
  // The same for records that have waited in memory. Those that are there already are left alone.
  absl::StatusOr<Committed> Insert(const std::vector<StoredRecord>& records);

  // This host's records above `after`, the oldest first, as far as they fit.
  absl::StatusOr<std::vector<StoredRecord>> Records(uint64_t after, size_t max_records,
                                                    size_t max_bytes);
  // How many of a host's there are above `after`, up to and including `last`, by kind.
  absl::StatusOr<std::map<std::string, uint64_t>> Count(const model::HostId& host, uint64_t after,
                                                        uint64_t last = INT64_MAX);
  // Takes over all that `other` has, records of other hosts and saved state included.
  absl::Status CopyFrom(SpoolDatabase* other);

  // After a full disk: copies what the write-ahead log holds, so that the log's own room is free
  // again. It is not given back: somebody else would take it.
  void MakeRoom();

  // kNone where there is no file, and once moved from.
  Access access() const { return database_.valid() ? access_ : Access::kNone; }
  // The highest number of this host in the file; 0 where there is none.
  uint64_t last_sequence() const { return last_sequence_; }
  uint64_t spooled() const { return spooled_; }  // of every host

 private:
  absl::Status Prepare();
  absl::Status CountAll();
  // In one transaction, or not at all.
  absl::StatusOr<Committed> Commit(absl::FunctionRef<absl::Status()> change);
  absl::Status InsertRow(const StoredRecord& record);
  absl::Status Do(const model::Fact& fact);
  absl::Status Do(const SaveSession& change);
  absl::Status Do(const RemoveSession& change);
  absl::Status Do(const SaveMember& change);
  absl::Status Do(const RemoveMember& change);
  absl::Status Do(const SaveHop& change);
  absl::Status Do(const RemoveHop& change);
  absl::Status Do(const ForgetState& change);
  absl::Status Do(const Acknowledged& change);
  // Removes the oldest records, low value first, until the bound holds again.
  absl::Status HoldBound(Committed* committed);
  absl::StatusOr<uint64_t> DropOldest(bool low_value, Committed* committed);

  Access access_ = Access::kNone;
  uint64_t max_bytes_ = 0;
  std::string host_;
  uint64_t last_sequence_ = 0;
  uint64_t spooled_ = 0;
  sqlite::Database database_;
  sqlite::Statement insert_record_, acknowledge_;
  sqlite::Statement save_session_, remove_session_, save_member_, remove_member_, save_hop_,
      remove_hop_;
};

}  // namespace hoptrail::agent::spool

#endif  // HOPTRAIL_AGENT_SPOOL_SPOOL_DATABASE_H_
