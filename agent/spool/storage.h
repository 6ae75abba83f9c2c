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

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "agent/session/state_store.h"
#include "agent/spool/change.h"
#include "agent/spool/degradations.h"
#include "agent/spool/loss_ledger.h"
#include "agent/spool/marks.h"
#include "agent/spool/memory_tail.h"
#include "agent/spool/spool_database.h"
#include "agent/spool/state_backlog.h"
#include "core/base/mutex.h"
#include "core/base/steady_time.h"
#include "core/model/fact.h"

namespace hoptrail::agent::spool {

// Where records and the saved state are kept: on disk while the disk takes them, in memory while it
// does not, and on disk again as soon as it does. Gives each record its number, once: what was
// numbered keeps its number wherever it goes, and the order of numbers is the order of sending.
//
// Nothing fails here: a disk that is full, read-only or broken, a file that is damaged or removed
// costs at most records, which are counted, and is shown as a degradation. Belongs to the spool's
// thread, but for what says otherwise.
class Storage {
 public:
  struct Options {
    SpoolDatabase::Options database;
    std::shared_ptr<MarkFile> marks;
    Degradations* degradations = nullptr;  // outlives this
    size_t memory_records = 16'384;
    size_t memory_bytes = size_t{16} << 20;
  };

  // FAILED_PRECONDITION where a newer version has written the file; everything else is gone on
  // with.
  static absl::StatusOr<std::unique_ptr<Storage>> Open(const Options& options, LossLedger* losses);

  // What the last run saved; empties it.
  session::SavedState TakeSavedState() { return std::move(saved_state_); }

  // Keeps all changes, and empties the list.
  void Keep(std::vector<Change>* changes);
  // Tries to bring what waits in memory to the disk, if it is time to, or now if `at_once`.
  void CatchUp(bool at_once);
  // How long until that is due; infinite where nothing waits.
  absl::Duration UntilCatchUp() const;

  // The collector has everything up to `acknowledged`, before anything was sent on this stream.
  void OnWelcome(uint64_t acknowledged);
  // Another agent speaks for `host`, and the collector has its records up to `acknowledged`: what
  // there is of it here will never be sent, and is counted as lost.
  void GiveUp(const model::HostId& host, uint64_t acknowledged);
  // The same for this host, and the next run is to speak for `assumed`: it counts the loss. This
  // run keeps nothing more.
  void Assume(const model::HostId& assumed, uint64_t acknowledged);
  // Whoever read the file of that generation found it damaged, or could not read it.
  void OnDamaged(uint64_t generation);
  void OnUnreadable(uint64_t generation);

  // Thread-safe, from here on.
  MemoryTail& memory() { return memory_; }
  // How the file can be read; a new generation is another file, or open otherwise.
  struct Reading {
    SpoolDatabase::Access access = SpoolDatabase::Access::kNone;
    uint64_t generation = 0;
  };
  Reading reading() const;
  // The highest number that was given; what has it can be read.
  uint64_t last_sequence() const { return last_sequence_.load(); }
  // Records that wait, of every host.
  uint64_t spooled() const { return on_disk_.load() + memory_.size(); }

 private:
  Storage(const Options& options, LossLedger* losses);
  absl::Status OpenFile();
  void Inherit(bool file_existed);
  void CountInherited(uint64_t acknowledged);
  struct Removed {
    std::map<std::string, uint64_t> on_disk;  // above what was acknowledged, by kind
    uint64_t in_memory = 0;
    bool at_once = false;  // also from the disk
  };
  Removed Remove(const model::HostId& of, uint64_t acknowledged);

  absl::Status Write(const std::vector<Change>& changes);
  void KeepInMemory(std::vector<Change>* changes);
  absl::Status BringToDisk();
  absl::Status Reopen();
  void LookAtFile();
  absl::Status Recreate();
  void Quarantine(const absl::Status& damage);
  void Use(SpoolDatabase database);

  void Refuse(const absl::Status& status);
  void Note(const SpoolDatabase::Committed& committed);
  void Lose(absl::string_view where, const std::map<std::string, uint64_t>& counts);
  bool Vouched(uint64_t sequence) const;
  // `last`: the highest number that is, or is about to be, in use.
  void SetMarks(uint64_t last);
  void Forgot(absl::string_view why);
  const std::string& path() const { return options_.database.path; }
  const model::HostId& host() const { return options_.database.host; }

  const Options options_;
  LossLedger* const losses_;
  MemoryTail memory_;
  std::atomic<uint64_t> last_sequence_{0}, on_disk_{0};
  mutable Mutex mutex_;
  Reading reading_ ABSL_GUARDED_BY(mutex_);

  session::SavedState saved_state_;
  SpoolDatabase database_;
  StateBacklog backlog_;
  uint64_t next_sequence_ = 1;
  uint64_t run_first_ = 0;   // the first number that this run gives
  bool refused_ = false;     // the disk's last word; what comes goes to memory
  bool removed_ = false;     // the file has no name any more, and cannot get another
  bool assumed_ = false;     // another run goes on, as another host
  bool never_read_ = false;  // there may be a file, and nothing of it is known
  SteadyTime retry_at_, look_at_;
  std::pair<uint64_t, uint64_t> file_key_;  // device and inode
  std::optional<uint64_t> first_welcome_;
  // Of the runs before: in memory only when they ended, and perhaps lost.
  std::vector<Marks::Range> inherited_;
  uint64_t memory_first_ = 0;  // of this run, since the disk was last up to date; 0: none
};

}  // namespace hoptrail::agent::spool

#endif  // HOPTRAIL_AGENT_SPOOL_STORAGE_H_
