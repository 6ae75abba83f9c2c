#ifndef HOPTRAIL_AGENT_SPOOL_MEMORY_TAIL_H_
#define HOPTRAIL_AGENT_SPOOL_MEMORY_TAIL_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"

#include "agent/spool/change.h"
#include "core/base/mutex.h"
#include <hoptrail/v1/sensor.pb.h>

namespace hoptrail::agent::spool {

// Records that the disk has not taken. All of them have higher numbers than any record on disk that
// the collector lacks, so whoever reads the disk first and then this has them in order. Bounded:
// past the bound the oldest are dropped, low value first; reports of losses never are (the caller
// keeps them few). Thread-safe: the spool's thread fills it, the uplink's reads it.
class MemoryTail {
 public:
  MemoryTail(size_t max_records, size_t max_bytes)
      : max_records_(max_records), max_bytes_(max_bytes) {}

  // Returns how many records were dropped for it, by kind.
  std::map<std::string, uint64_t> Add(StoredRecord record);
  // The collector has everything up to and including this.
  void Acknowledge(uint64_t sequence);

  // For the way back to the disk: the oldest, and that the disk has everything up to this now.
  std::vector<StoredRecord> Oldest(size_t count) const;
  void TakenByDisk(uint64_t sequence);

  // What was here at one moment. Take it before looking at the disk: what a later ReadAfter() gives
  // then follows what was found there.
  struct View {
    uint64_t first = 0;  // the lowest number; 0: empty
    uint64_t moves = 0;
  };
  View Look() const;
  // Records above `after`. Empty where the disk has taken some since: look again.
  absl::StatusOr<v1::Batch> ReadAfter(uint64_t after, size_t max_bytes, const View& view) const;

  uint64_t last_sequence() const;  // 0: empty
  size_t size() const;
  bool empty() const { return size() == 0; }
  // Little room is left: what can wait elsewhere should.
  bool crowded() const;

 private:
  bool Over() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return records_.size() > max_records_ || bytes_ > max_bytes_;
  }
  // The oldest of those that may go; 0: none.
  uint64_t Victim() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RemoveThrough(uint64_t sequence) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t max_records_;
  const size_t max_bytes_;
  mutable Mutex mutex_;
  std::map<uint64_t, StoredRecord> records_ ABSL_GUARDED_BY(mutex_);
  // In the order in which they may be dropped; some are gone already.
  std::deque<uint64_t> low_value_ ABSL_GUARDED_BY(mutex_), others_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t moves_ ABSL_GUARDED_BY(mutex_) = 0;  // how often the disk took some
};

}  // namespace hoptrail::agent::spool

#endif  // HOPTRAIL_AGENT_SPOOL_MEMORY_TAIL_H_
