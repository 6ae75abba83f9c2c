#include "agent/kernel/ring/ordering_buffer.h"

#include <algorithm>
#include <cstring>

#include "bpf/abi/events.h"

namespace hoptrail::agent::kernel {

void OrderingBuffer::Add(const void* data, size_t size, bool urgent) {
  if (size < sizeof(ht_header) || size > HT_RECORD_MAX) return;
  ht_header header;
  std::memcpy(&header, data, sizeof(header));
  if (pending_.empty() || header.boot_ns < oldest_ns_) oldest_ns_ = header.boot_ns;
  if (urgent) oldest_urgent_ns_ = std::min(oldest_urgent_ns_, header.boot_ns);
  pending_.push_back({header.boot_ns, arena_.size(), static_cast<uint32_t>(size), urgent});
  arena_.append(static_cast<const char*>(data), size);
  live_bytes_ += size;
}

uint64_t OrderingBuffer::next_due_ns() const { return oldest_ns_ + window_ns_; }

uint64_t OrderingBuffer::urgent_due_ns() const {
  return oldest_urgent_ns_ == kNone ? kNone : oldest_urgent_ns_ + window_ns_;
}

size_t OrderingBuffer::Release(uint64_t now_ns, Receiver receiver) {
  if (pending_.empty() || next_due_ns() > now_ns) return 0;
  std::stable_sort(pending_.begin(), pending_.end(),
                   [](const Pending& a, const Pending& b) { return a.boot_ns < b.boot_ns; });
  size_t released = 0;
  while (released < pending_.size() && pending_[released].boot_ns + window_ns_ <= now_ns) {
    const Pending& record = pending_[released];
    receiver(arena_.data() + record.offset, record.size);
    live_bytes_ -= record.size;
    ++released;
  }
  pending_.erase(pending_.begin(), pending_.begin() + released);
  const auto urgent = std::find_if(pending_.begin(), pending_.end(),
                                   [](const Pending& record) { return record.urgent; });
  oldest_urgent_ns_ = urgent == pending_.end() ? kNone : urgent->boot_ns;
  if (pending_.empty()) {
    arena_.clear();
    return released;
  }
  oldest_ns_ = pending_.front().boot_ns;
  if (arena_.size() > 2 * live_bytes_) {
    spare_.clear();
    for (Pending& record : pending_) {
      const size_t offset = spare_.size();
      spare_.append(arena_, record.offset, record.size);
      record.offset = offset;
    }
    arena_.swap(spare_);
  }
  return released;
}

}  // namespace hoptrail::agent::kernel
