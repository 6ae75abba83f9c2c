#ifndef HOPTRAIL_AGENT_SPOOL_STORAGE_H_
#define HOPTRAIL_AGENT_SPOOL_STORAGE_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "agent/session/state_store.h"
#include "agent/spool/change.h"
#include "agent/spool/degradations.h"
#include "agent/spool/loss_ledger.h"
#include "agent/spool/marks.h"
#include "agent/spool/memory_tail.h"
#include "agent/spool/sequence_numbers.h"
#include "agent/spool/spool_database.h"
#include "agent/spool/spool_file.h"
#include "agent/spool/spool_reporter.h"
#include "agent/spool/state_backlog.h"
#include "core/base/steady_time.h"
#include "core/model/ids.h"

namespace hoptrail::agent::spool {

// Keeps records and the saved state: on disk while the disk accepts them, in memory while it does
// not, and on disk again as soon as it does. Gives each record its number, once: a record keeps its
// number wherever it is, and the order of numbers is the order of sending.
//
// Nothing fails here: a disk that is full, read-only or broken, a file that is damaged or removed
// costs at most records, which are counted, and is shown as a degradation. Belongs to the spool's
// thread, except for the methods that say otherwise.
class Storage {
 public:
  struct Options {
    SpoolDatabase::Options database;
    std::shared_ptr<MarkFile> marks;
    Degradations* degradations = nullptr;  // outlives this
    size_t memory_records = 16'384;
  };

  // FAILED_PRECONDITION where a newer version has written the file. Any other fault of the file is
  // tolerated.
  static absl::StatusOr<std::unique_ptr<Storage>> Open(const Options& options, LossLedger* losses);

  // The state that the last run saved; the next call gives an empty one.
  session::SavedState TakeSavedState() { return std::move(saved_state_); }

  // Keeps all changes, and empties the list.
  void Keep(std::vector<Change>* changes);
  // Tries to move the records in memory to the disk, if it is time to, or now if `at_once`.
  void CatchUp(bool at_once);
  // How long until that is due; infinite where nothing waits.
  absl::Duration UntilCatchUp() const;

  // The collector has everything up to `acknowledged`, before anything was sent on this stream.
  void OnWelcome(uint64_t acknowledged);
  // Another agent speaks for `host`, and the collector has its records up to `acknowledged`: drops
  // the records of that host, which will never be sent, and counts them as lost.
  void GiveUp(const model::HostId& host, uint64_t acknowledged);
  // The same for this host, and the next run is to speak for `assumed`: that run counts the loss.
  // This run keeps nothing more.
  void Assume(const model::HostId& assumed, uint64_t acknowledged);
  // A reader of the file of that generation found it damaged, or could not read it.
  void OnDamaged(uint64_t generation);
  void OnUnreadable(uint64_t generation);

  // Thread-safe, from here on.
  MemoryTail& memory() { return memory_; }
  SpoolFile::Reading reading() const { return file_.reading(); }
  // The highest number in use; its record can be read.
  uint64_t last_sequence() const { return last_sequence_.load(); }
  uint64_t first_of_run() const { return numbers_.first_of_run(); }  // set by Open()
  // Records that wait, of every host.
  uint64_t spooled() const { return file_.spooled() + memory_.size(); }

 private:
  Storage(const Options& options, LossLedger* losses);
  absl::Status OpenFile();

  absl::Status Write(const std::vector<Change>& changes);
  void KeepInMemory(std::vector<Change>* changes);
  absl::Status MoveToDisk();
  absl::Status Reopen();

  void OnDiskError(const absl::Status& status);
  void OnCommitted(const SpoolDatabase::Committed& committed);
  // `last`: the highest number that is, or is about to be, in use.
  void Mark(uint64_t last);
  void CountLostOfLastRuns(uint64_t acknowledged);
  struct Removed {
    std::map<std::string, uint64_t> on_disk;  // above what was acknowledged, by kind
    uint64_t in_memory = 0;
    bool at_once = false;  // also from the disk
  };
  Removed RemoveRecordsOf(const model::HostId& of, uint64_t acknowledged);
  const model::HostId& host() const { return options_.database.host; }

  const Options options_;
  const SpoolReporter reporter_;
  MemoryTail memory_;
  SpoolFile file_;
  SequenceNumbers numbers_;
  std::atomic<uint64_t> last_sequence_{0};

  session::SavedState saved_state_;
  StateBacklog backlog_;
  bool disk_failed_ = false;  // the last write failed; new records go to memory
  bool assumed_ = false;      // the next run speaks for another host
  SteadyTime retry_at_;
  std::optional<uint64_t> first_welcome_;  // acknowledged at the first stream of this run
};

}  // namespace hoptrail::agent::spool

#endif  // HOPTRAIL_AGENT_SPOOL_STORAGE_H_
