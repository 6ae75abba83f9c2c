#ifndef HOPTRAIL_AGENT_SPOOL_SPOOL_H_
#define HOPTRAIL_AGENT_SPOOL_SPOOL_H_

#include <atomic>
#include <cstdint>
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
#include "agent/spool/spool_database.h"
#include "core/base/bounded_queue.h"
#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/model/fact.h"

namespace hoptrail::agent::spool {

// The agent's outbox on disk. Facts and changes of the saved state go through one bounded queue to
// one thread, which commits whatever has gathered in one transaction, in order. Every fact waits
// there, numbered, until the collector has acknowledged it.
//
// Nothing here stops the agent: a full queue, a full disk and the bound on disk cost records, the
// low-value ones first, and each is counted and told as a Loss fact ("queue", "spool"); a file
// that turns out damaged is kept aside and a new one begun. Thread-safe unless said otherwise.
class Spool : public session::StateStore {
 public:
  struct Options {
    std::string path;  // of the database file, its folder exists
    model::HostId host;
    uint64_t max_bytes = uint64_t{256} << 20;
    size_t queue_capacity = 16384;
    const Clock* clock = &Clock::System();
    Degradations* degradations = nullptr;  // outlives the spool; may be null
  };

  // Opens the file, loads the saved state and starts the thread.
  static absl::StatusOr<std::unique_ptr<Spool>> Open(const Options& options);
  // Commits what is queued, or gives up after a second if it cannot be.
  ~Spool() override;

  // What the last run saved; empties it. Call once.
  session::SavedState TakeSavedState() { return std::move(saved_state_); }

  // Queues a fact; never waits.
  void Add(model::Fact fact);

  // session::StateStore: queues; never waits.
  void SaveSession(const model::Session& session) override;
  void RemoveSession(const model::SessionId& session) override;
  void SaveMember(const model::ProcessName& process, const model::SessionId& session) override;
  void RemoveMember(const model::ProcessName& process) override;
  void SaveHop(const model::HopEnd& hop) override;
  void RemoveHop(model::HopSide side, const model::HopName& name) override;

  // The collector has everything of `host` up to and including `sequence`.
  void Acknowledge(const model::HostId& host, uint64_t sequence);

  // Waits until something changed since `seen` (a commit, a Poke()) or the timeout passed, and
  // returns the present mark for the next call. Begin with 0.
  uint64_t WaitForChange(uint64_t seen, absl::Duration timeout);
  void Poke();

  // Waits until all that was queued before is committed, at most `timeout`.
  bool Flush(absl::Duration timeout);

  // A reader of that generation found the file damaged, which the writer may not notice.
  void ReportDamage(uint64_t generation);

  const std::string& path() const { return options_.path; }
  // Grows when a new file took the place of a damaged one: readers must open again.
  uint64_t generation() const { return generation_.load(); }
  uint64_t last_sequence() const { return last_sequence_.load(); }
  uint64_t spooled() const { return spooled_.load(); }
  // Losses of the queue, the spool and whoever else tells it; the spool sends them on.
  LossLedger& losses() { return losses_; }

 private:
  Spool(const Options& options, SpoolDatabase database);
  void Push(Change change);
  void Run();
  // Commits `changes` and empties it, unless the disk refuses; then it keeps what there is room
  // for.
  void Commit(std::vector<Change>* changes);
  void KeepForLater(std::vector<Change>* changes);
  void SetAside(const absl::Status& damage);
  bool BeginAnew();
  void Report(const absl::Status& status);

  const Options options_;
  session::SavedState saved_state_;
  LossLedger losses_;
  BoundedQueue<Change> queue_;
  std::atomic<uint64_t> generation_{0}, last_sequence_{0}, spooled_{0};
  std::atomic<uint64_t> damaged_before_{0};       // generations below this one are damaged
  std::atomic<uint64_t> queued_{0}, settled_{0};  // changes ever put in the queue, and dealt with

  Mutex mutex_;
  uint64_t mark_ ABSL_GUARDED_BY(mutex_) = 1;

  // Only the thread, from here on.
  SpoolDatabase database_;
  bool refused_ = false;  // the last commit failed
  uint64_t taken_ = 0;    // out of the queue, not yet settled
  std::thread thread_;
};

}  // namespace hoptrail::agent::spool

#endif  // HOPTRAIL_AGENT_SPOOL_SPOOL_H_
