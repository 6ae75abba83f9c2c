#ifndef HOPTRAIL_AGENT_SPOOL_SPOOL_FILE_H_
#define HOPTRAIL_AGENT_SPOOL_SPOOL_FILE_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "agent/session/state_store.h"
#include "agent/spool/change.h"
#include "agent/spool/spool_database.h"
#include "agent/spool/spool_reporter.h"
#include "core/base/file_key.h"
#include "core/base/mutex.h"
#include "core/base/steady_time.h"

namespace hoptrail::agent::spool {

// The file of the spool: opens it in whatever state it is, quarantines it where it is damaged, and
// creates it again where it was removed. Reports its records that are lost. One thread, except for
// the methods that say otherwise.
class SpoolFile {
 public:
  // How the file can be read. A new generation is another file, or the same one open otherwise.
  struct Reading {
    SpoolDatabase::Access access = SpoolDatabase::Access::kNone;
    uint64_t generation = 0;
  };

  // `reporter` outlives this.
  SpoolFile(SpoolDatabase::Options options, const SpoolReporter* reporter)
      : options_(std::move(options)), reporter_(*reporter) {}

  struct Opened {
    absl::Status writable;      // OK, or the reason why the file cannot be written
    bool file_existed = false;  // and held something, as far as that can be seen
    session::SavedState state;  // of the last run
  };
  // FAILED_PRECONDITION where a newer version has written the file; any other fault is in the
  // result.
  absl::StatusOr<Opened> Open();

  // Opens the file for writing, after a failure. A file that could not be read at the start may
  // hold records that the collector would skip, because this run has sent higher numbers meanwhile:
  // removes them and reports them as lost. `acknowledged`: what the collector had at the first
  // stream, if there was one; `run_first`: the first number of this run.
  absl::Status Reopen(std::optional<uint64_t> acknowledged, uint64_t run_first);
  // Looks once a second whether the file was removed, and creates it again with all that it held.
  // True where it just has.
  bool RecreateIfRemoved();
  // Closes the file and renames it; its records are lost.
  void Quarantine(const absl::Status& damage);
  void Close() { Use(SpoolDatabase()); }

  // As in SpoolDatabase; spooled() then has the new count.
  absl::StatusOr<SpoolDatabase::Committed> Apply(const std::vector<Change>& changes,
                                                 uint64_t next_sequence);
  absl::StatusOr<SpoolDatabase::Committed> Insert(const std::vector<StoredRecord>& records);
  SpoolDatabase& database() { return database_; }

  bool open() const { return database_.access() != SpoolDatabase::Access::kNone; }
  bool writable() const { return database_.access() == SpoolDatabase::Access::kWrite; }
  // Never opened in this run: its contents are not known.
  bool never_read() const { return never_read_; }
  // Removed, and could not be created again: this run continues with the file without a name.
  bool removed() const { return removed_; }
  const std::string& path() const { return options_.path; }

  // Thread-safe.
  Reading reading() const;
  uint64_t spooled() const { return spooled_.load(); }  // records of every host

 private:
  absl::Status Recreate();
  void Use(SpoolDatabase database);

  const SpoolDatabase::Options options_;
  const SpoolReporter& reporter_;
  SpoolDatabase database_;
  FileKey file_key_;
  SteadyTime check_at_;
  bool removed_ = false;
  bool never_read_ = false;
  std::atomic<uint64_t> spooled_{0};
  mutable Mutex mutex_;
  Reading reading_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace hoptrail::agent::spool

#endif  // HOPTRAIL_AGENT_SPOOL_SPOOL_FILE_H_
