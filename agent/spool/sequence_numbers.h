#ifndef HOPTRAIL_AGENT_SPOOL_SEQUENCE_NUMBERS_H_
#define HOPTRAIL_AGENT_SPOOL_SEQUENCE_NUMBERS_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

#include "agent/spool/marks.h"
#include "agent/spool/spool_reporter.h"
#include "core/base/clock.h"
#include "core/model/ids.h"

namespace hoptrail::agent::spool {

// Gives records their sequence numbers, which only grow, also over restarts: a run starts at its
// boot time in microseconds, or above the numbers of the runs before. Writes to the mark file which
// numbers are used up where the boot time does not show it, and which records only memory holds, so
// that the next run can count those that went with this one. Not thread-safe.
class SequenceNumbers {
 public:
  // `clock` outlives this.
  SequenceNumbers(const model::HostId& host, std::shared_ptr<MarkFile> marks, const Clock* clock)
      : host_(host), marks_(std::move(marks)), clock_(clock) {}

  // The marks of the runs before, in this boot.
  struct LastRun {
    bool known = false;         // there are some
    bool state_behind = false;  // the saved state on disk is not the last
  };
  // Begins this run's numbers above `last_on_disk` and above those of the runs before. Reports the
  // losses that the marks show already.
  LastRun Start(uint64_t last_on_disk, const SpoolReporter& reporter);

  uint64_t next() const { return next_; }
  uint64_t last() const { return next_ - 1; }
  uint64_t first_of_run() const { return run_first_; }
  void Advance(uint64_t count) { next_ += count; }
  // The next number is above `sequence`.
  void ContinueAbove(uint64_t sequence) { next_ = sequence + 1; }

  // Memory holds this run's records from `sequence` on, until OnDiskUpToDate().
  void OnInMemory(uint64_t sequence) { memory_first_ = sequence; }
  void OnDiskUpToDate() { memory_first_ = 0; }
  bool in_memory() const { return memory_first_ != 0; }

  // How many records of the runs before are lost: they were in memory only when their run ended,
  // and the collector has everything up to `acknowledged`. `on_disk` counts records above `after`,
  // up to and including `last`, that the disk has after all. The next call returns 0.
  uint64_t TakeLost(uint64_t acknowledged,
                    absl::FunctionRef<uint64_t(uint64_t after, uint64_t last)> on_disk);

  // Whether a run that starts later starts above `sequence`, whatever the marks say.
  bool IsBelowBootTime(uint64_t sequence) const;
  // Writes the marks; call it before numbers are used that are not below the boot time. `last`: the
  // highest number that is, or is about to be, in use; `state_behind`: see LastRun.
  absl::Status Mark(uint64_t last, bool state_behind);
  // Marks that the next run is to speak for `assumed`, and has to count `given_up` records as lost.
  absl::Status MarkAssumed(const model::HostId& assumed, uint64_t given_up);

 private:
  const model::HostId host_;
  const std::shared_ptr<MarkFile> marks_;
  const Clock* const clock_;
  uint64_t next_ = 1;
  uint64_t run_first_ = 0;
  uint64_t memory_first_ = 0;  // 0: memory holds none
  // Numbers of runs before whose records were in memory only when they ended.
  std::vector<Marks::Range> inherited_;
};

}  // namespace hoptrail::agent::spool

#endif  // HOPTRAIL_AGENT_SPOOL_SEQUENCE_NUMBERS_H_
