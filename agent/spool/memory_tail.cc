#include "agent/spool/memory_tail.h"

#include <utility>

#include "agent/spool/batch_builder.h"
#include "core/base/status_macros.h"

namespace hoptrail::agent::spool {

std::map<std::string, uint64_t> MemoryTail::Add(StoredRecord record) {
  MutexLock lock(&mutex_);
  if (record.low_value) {
    low_value_.push_back(record.sequence);
  } else if (record.kind != "loss") {
    others_.push_back(record.sequence);
  }
  bytes_ += record.body.size();
  const uint64_t sequence = record.sequence;
  records_.emplace(sequence, std::move(record));
  std::map<std::string, uint64_t> dropped;
  while (Over()) {
    const auto oldest = records_.find(TakeNextToDrop());
    if (oldest == records_.end()) break;
    ++dropped[oldest->second.kind];
    bytes_ -= oldest->second.body.size();
    records_.erase(oldest);
  }
  return dropped;
}

uint64_t MemoryTail::TakeNextToDrop() {
  for (std::deque<uint64_t>* order : {&low_value_, &others_}) {
    while (!order->empty()) {
      const uint64_t sequence = order->front();
      order->pop_front();
      if (records_.contains(sequence)) return sequence;
    }
  }
  return 0;
}

void MemoryTail::RemoveThrough(uint64_t sequence) {
  while (!records_.empty() && records_.begin()->first <= sequence) {
    bytes_ -= records_.begin()->second.body.size();
    records_.erase(records_.begin());
  }
  for (std::deque<uint64_t>* order : {&low_value_, &others_}) {
    while (!order->empty() && order->front() <= sequence) order->pop_front();
  }
}

void MemoryTail::Acknowledge(uint64_t sequence) {
  MutexLock lock(&mutex_);
  RemoveThrough(sequence);
}

std::vector<StoredRecord> MemoryTail::Oldest(size_t count) const {
  MutexLock lock(&mutex_);
  std::vector<StoredRecord> oldest;
  for (const auto& [sequence, record] : records_) {
    if (oldest.size() == count) break;
    oldest.push_back(record);
  }
  return oldest;
}

void MemoryTail::OnMovedToDisk(uint64_t sequence) {
  MutexLock lock(&mutex_);
  RemoveThrough(sequence);
  ++moves_;
}

MemoryTail::View MemoryTail::Look() const {
  MutexLock lock(&mutex_);
  return {.first = records_.empty() ? 0 : records_.begin()->first, .moves = moves_};
}

absl::StatusOr<v1::Batch> MemoryTail::ReadAfter(uint64_t after, size_t max_bytes,
                                                const View& view) const {
  BatchBuilder batch(max_bytes);
  MutexLock lock(&mutex_);
  if (view.first == 0 || view.moves != moves_) return batch.Take();
  for (auto at = records_.upper_bound(after); at != records_.end(); ++at) {
    HT_ASSIGN_OR_RETURN(const bool added, batch.Add(at->second.body));
    if (!added) break;
  }
  return batch.Take();
}

uint64_t MemoryTail::last_sequence() const {
  MutexLock lock(&mutex_);
  return records_.empty() ? 0 : records_.rbegin()->first;
}

size_t MemoryTail::size() const {
  MutexLock lock(&mutex_);
  return records_.size();
}

bool MemoryTail::nearly_full() const {
  MutexLock lock(&mutex_);
  return records_.size() > max_records_ / 4 * 3 || bytes_ > max_bytes_ / 4 * 3;
}

}  // namespace hoptrail::agent::spool
