#ifndef HOPTRAIL_AGENT_SPOOL_SPOOL_DATABASE_H_
#define HOPTRAIL_AGENT_SPOOL_SPOOL_DATABASE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "agent/session/state_store.h"
#include "agent/spool/change.h"
#include "agent/spool/change_writer.h"
#include "core/base/clock.h"
#include "core/model/ids.h"
#include "core/sqlite/database.h"

namespace hoptrail::agent::spool {

// The writing connection to spool.db: records that wait for the collector, and the state of the
// session stage for the next run of the agent. Owned by SpoolFile; one thread at a time.
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

  using Committed = ChangeWriter::Committed;

  SpoolDatabase() = default;  // no file

  // Opens or creates the file. Quarantines a damaged one; `quarantined` gets its new name.
  // UNIMPLEMENTED: a newer version of the agent has written the file.
  static absl::StatusOr<SpoolDatabase> Open(const Options& options, std::string* quarantined);
  // Opens the file where it cannot be written: every change fails.
  static absl::StatusOr<SpoolDatabase> OpenToRead(const Options& options);

  // The saved state of this host. Removes that of other hosts and boots; their records stay and are
  // sent.
  absl::StatusOr<session::SavedState> LoadState();
  absl::Status LoadFileWriters(std::vector<session::FileWriter>* writers);

  // See ChangeWriter.
  absl::StatusOr<Committed> Apply(const std::vector<Change>& changes, uint64_t next_sequence) {
    return writer_.Apply(changes, next_sequence);
  }
  absl::StatusOr<Committed> Insert(const std::vector<StoredRecord>& records) {
    return writer_.Insert(records);
  }

  // This host's records above `after`, the oldest first, as far as they fit.
  absl::StatusOr<std::vector<StoredRecord>> Records(uint64_t after, size_t max_records,
                                                    size_t max_bytes);
  // The number of a host's records above `after`, up to and including `last`, by kind.
  absl::StatusOr<std::map<std::string, uint64_t>> Count(const model::HostId& host, uint64_t after,
                                                        uint64_t last = INT64_MAX);
  // Copies all that `other` has, records of other hosts and saved state included.
  absl::Status CopyFrom(SpoolDatabase* other);

  // After a full disk: copies the contents of the write-ahead log into the file, so that the log's
  // space can be used again. The log is not shortened, because other programs would take the space.
  void MakeRoom();

  // kNone where there is no file, and once moved from.
  Access access() const { return database_ != nullptr ? access_ : Access::kNone; }
  // The highest number of this host in the file; 0 where there is none.
  uint64_t last_sequence() const { return writer_.last_sequence(); }
  uint64_t spooled() const { return writer_.spooled(); }  // of every host

 private:
  static absl::StatusOr<SpoolDatabase> Create(sqlite::Database database, Access access,
                                              const Options& options);

  Access access_ = Access::kNone;
  std::string host_;
  std::unique_ptr<sqlite::Database> database_;  // keeps its address when this is moved
  ChangeWriter writer_;
};

}  // namespace hoptrail::agent::spool

#endif  // HOPTRAIL_AGENT_SPOOL_SPOOL_DATABASE_H_
