#ifndef HOPTRAIL_AGENT_SPOOL_SPOOL_DATABASE_H_
#define HOPTRAIL_AGENT_SPOOL_SPOOL_DATABASE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "agent/session/state_store.h"
#include "agent/spool/change.h"
#include "core/base/clock.h"
#include "core/model/ids.h"
#include "core/sqlite/database.h"

namespace hoptrail::agent::spool {

// The writing connection to spool.db: records that wait for the collector, and what the session
// tree must find again after a restart of the agent. Owned by Spool; one thread at a time.
//
// Transactions are committed without waiting for the disk (synchronous=NORMAL): they survive the
// death of the agent, and only a power cut can take the last ones. Waiting would cost every host
// an fsync for each event, to save what the collector has received a moment later anyway.
class SpoolDatabase {
 public:
  // What a transaction did.
  struct Committed {
    uint64_t last_sequence = 0;  // the highest that exists
    uint64_t spooled = 0;        // records that wait, of every host
    // Records removed unsent because of the bound, by kind.
    std::map<std::string, uint64_t> dropped;
  };

  // Opens or creates `path`. A damaged file is kept aside under another name, which `set_aside`
  // gets. Removes the saved state of other hosts and boots; their records stay and are sent.
  static absl::StatusOr<SpoolDatabase> Open(const std::string& path, const model::HostId& host,
                                            uint64_t max_bytes, const Clock& clock,
                                            std::string* set_aside);

  absl::StatusOr<session::SavedState> LoadState();

  // Applies all changes, in order, or none. RESOURCE_EXHAUSTED: the disk is full; DATA_LOSS: the
  // file is damaged.
  absl::StatusOr<Committed> Apply(const std::vector<Change>& changes);

  // After a full disk: gives back what the write-ahead log holds, where that can be done.
  void MakeRoom();

  // False once moved from.
  bool valid() const { return database_.valid(); }
  uint64_t last_sequence() const { return next_sequence_ - 1; }
  uint64_t spooled() const { return spooled_; }

 private:
  SpoolDatabase() = default;
  absl::Status Prepare();
  absl::Status Do(const model::Fact& fact);
  absl::Status Do(const SaveSession& change);
  absl::Status Do(const RemoveSession& change);
  absl::Status Do(const SaveMember& change);
  absl::Status Do(const RemoveMember& change);
  absl::Status Do(const SaveHop& change);
  absl::Status Do(const RemoveHop& change);
  absl::Status Do(const Acknowledged& change);
  // Removes the oldest records, low value first, until the bound holds again.
  absl::Status HoldBound(Committed* committed);
  absl::StatusOr<uint64_t> DropOldest(bool low_value, Committed* committed);

  uint64_t max_bytes_ = 0;
  std::string host_;
  uint64_t next_sequence_ = 1;
  uint64_t spooled_ = 0;
  sqlite::Database database_;
  sqlite::Statement insert_record_, acknowledge_;
  sqlite::Statement save_session_, remove_session_, save_member_, remove_member_, save_hop_,
      remove_hop_;
};

}  // namespace hoptrail::agent::spool

#endif  // HOPTRAIL_AGENT_SPOOL_SPOOL_DATABASE_H_
