#ifndef HOPTRAIL_AGENT_SPOOL_SPOOL_H_
#define HOPTRAIL_AGENT_SPOOL_SPOOL_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "agent/session/state_store.h"
#include "agent/spool/change.h"
#include "agent/spool/degradations.h"
#include "agent/spool/loss_ledger.h"
#include "agent/spool/marks.h"
#include "agent/spool/storage.h"
#include "core/base/bounded_queue.h"
#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/model/fact.h"

namespace hoptrail::agent::spool {

// The agent's outbox. Facts and changes of the saved state go through one bounded queue to one
// thread, which commits all that the queue holds in one transaction, in order. Every fact waits,
// numbered, until the collector has acknowledged it.
//
// Nothing here stops the agent: records that the disk does not accept wait in memory (see Storage).
// A full queue and both bounds cost records, the low-value ones first, and each is counted and
// reported as a Loss fact ("queue", "spool", "memory"). Thread-safe unless said otherwise.
class Spool : public session::StateStore {
 public:
  struct Options {
    std::string path;  // of the database file
    model::HostId host;
    uint64_t max_bytes = uint64_t{256} << 20;
    size_t queue_capacity = 16384;
    size_t memory_records = 16384;
    const Clock* clock = &Clock::System();
    std::shared_ptr<MarkFile> marks;       // "marks" beside the file where null
    Degradations* degradations = nullptr;  // outlives the spool; may be null
  };

  // Opens the file, loads the saved state and starts the thread. FAILED_PRECONDITION where a newer
  // version has written the file.
  static absl::StatusOr<std::unique_ptr<Spool>> Open(const Options& options);
  // Commits the queue, and the records in memory if the disk accepts them.
  ~Spool() override;

  // The state that the last run saved. Call once: later calls give an empty one.
  session::SavedState TakeSavedState() { return storage_->TakeSavedState(); }

  // Queues a fact; never waits.
  void Add(model::Fact fact);

  // session::StateStore: queues; never waits.
  void SaveSession(const model::Session& session) override;
  void RemoveSession(const model::SessionId& session) override;
  void SaveMember(const model::ProcessKey& process, const model::SessionId& session) override;
  void RemoveMember(const model::ProcessKey& process) override;
  void SaveHop(const model::HopEnd& hop) override;
  void RemoveHop(model::HopSide side, const model::HopKey& key) override;
  void SaveFileWriter(const session::FileWriter& writer) override;
  void RemoveFileWriter(const std::string& path, const model::SessionId& session) override;

  // The collector has everything of `host` up to and including `sequence`.
  void Acknowledge(const model::HostId& host, uint64_t sequence);
  // A stream of this host begins, and the collector has everything up to `acknowledged`. Where that
  // is above all numbers of this spool, numbers continue above it, and the records that wait are
  // counted as lost. This and the next two return once the spool's thread is done, false where that
  // takes longer than `timeout`. One thread at a time.
  bool OnWelcome(uint64_t acknowledged, absl::Duration timeout);
  // Another agent speaks for the host, and the collector has everything up to `acknowledged`; see
  // Storage.
  bool GiveUp(const model::HostId& host, uint64_t acknowledged, absl::Duration timeout);
  bool Assume(const model::HostId& assumed, uint64_t acknowledged, absl::Duration timeout);

  // Waits until something changed since `seen` (a commit, a Wake()) or the timeout passed, and
  // returns the present mark for the next call. Begin with 0.
  uint64_t WaitForChange(uint64_t seen, absl::Duration timeout);
  void Wake();

  // Waits until all that was queued so far can be read, from disk or memory; at most `timeout`.
  bool Flush(absl::Duration timeout);

  // A reader of the file of that generation found it damaged, which the writer may not notice, or
  // has not been able to read it for a while.
  void ReportDamage(uint64_t generation);
  void ReportUnreadable(uint64_t generation);

  const std::string& path() const { return options_.path; }
  // How to read the file; a reader opens it again when the generation has changed.
  SpoolFile::Reading reading() const { return storage_->reading(); }
  // The records that follow those on disk.
  const MemoryTail& memory() const { return storage_->memory(); }
  uint64_t last_sequence() const { return storage_->last_sequence(); }
  // The first number of this run.
  uint64_t first_of_run() const { return storage_->first_of_run(); }
  uint64_t spooled() const { return storage_->spooled(); }
  // Losses of the queue, the spool and other stages; the spool reports them as facts.
  LossLedger& losses() { return losses_; }
  MarkFile& marks() { return *marks_; }

 private:
  explicit Spool(const Options& options);
  void Push(Change change);
  void Run();
  void TakeLosses(std::vector<Change>* changes);
  void HandleReaderReports();
  // Has the spool's thread run it; false where that takes longer than `timeout`.
  bool RunOnThread(std::function<void(Storage&)> call, absl::Duration timeout);
  void RunPendingCall();

  const Options options_;
  const std::shared_ptr<MarkFile> marks_;
  LossLedger losses_;
  BoundedQueue<Change> queue_;
  std::atomic<uint64_t> damaged_{0}, unreadable_{0};  // generations; 0: none
  std::atomic<uint64_t> queued_{0}, settled_{0};      // changes ever queued, and kept or dropped

  Mutex mutex_;
  uint64_t mark_ ABSL_GUARDED_BY(mutex_) = 1;
  std::function<void(Storage&)> call_ ABSL_GUARDED_BY(mutex_);  // empty: none is pending

  std::unique_ptr<Storage> storage_;  // the thread's, except for its thread-safe methods
  std::thread thread_;
};

}  // namespace hoptrail::agent::spool

#endif  // HOPTRAIL_AGENT_SPOOL_SPOOL_H_
