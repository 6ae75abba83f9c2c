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

// Records that the disk has not accepted. All have higher numbers than any record on disk that the
// collector lacks, so reading the disk first and then this gives them in order. Bounded: past the
// bound the oldest are dropped, low value first; reports of losses never are (the caller keeps them
// few). Thread-safe: the spool's thread fills it, the uplink's reads it.
class MemoryTail {
 public:
  MemoryTail(size_t max_records, size_t max_bytes)
      : max_records_(max_records), max_bytes_(max_bytes) {}

  // Returns how many records were dropped to make room, by kind.
  std::map<std::string, uint64_t> Add(StoredRecord record);
  // The collector has everything up to and including this.
  void Acknowledge(uint64_t sequence);

  // For moving records to the disk: the oldest ones, and that the disk now has everything up to
  // `sequence`.
  std::vector<StoredRecord> Oldest(size_t count) const;
  void OnMovedToDisk(uint64_t sequence);

  // The contents at one moment. Take it before reading the disk: the records of a later ReadAfter()
  // then follow those found on disk.
  struct View {
    uint64_t first = 0;  // the lowest number; 0: empty
    uint64_t moves = 0;
  };
  View Look() const;
  // Records above `after`. Empty where some have moved to the disk since: take a new view.
  absl::StatusOr<v1::Batch> ReadAfter(uint64_t after, size_t max_bytes, const View& view) const;

  uint64_t last_sequence() const;  // 0: empty
  size_t size() const;
  bool empty() const { return size() == 0; }
  // Little room is left.
  bool nearly_full() const;

 private:
  bool Over() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return records_.size() > max_records_ || bytes_ > max_bytes_;
  }
  // The oldest record that may be dropped; 0: none.
  uint64_t TakeNextToDrop() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RemoveThrough(uint64_t sequence) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t max_records_;
  const size_t max_bytes_;
  mutable Mutex mutex_;
  std::map<uint64_t, StoredRecord> records_ ABSL_GUARDED_BY(mutex_);
  // In the order in which they may be dropped; may name records that are gone.
  std::deque<uint64_t> low_value_ ABSL_GUARDED_BY(mutex_), others_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t moves_ ABSL_GUARDED_BY(mutex_) = 0;  // how often records moved to the disk
};

}  // namespace hoptrail::agent::spool

#endif  // HOPTRAIL_AGENT_SPOOL_MEMORY_TAIL_H_
