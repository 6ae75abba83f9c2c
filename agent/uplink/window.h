#ifndef HOPTRAIL_AGENT_UPLINK_WINDOW_H_
#define HOPTRAIL_AGENT_UPLINK_WINDOW_H_

#include <cstddef>
#include <cstdint>
#include <deque>

namespace hoptrail::agent::uplink {

// Batches that were sent and are not acknowledged yet: bounds how much a slow collector has to
// hold. Not thread-safe.
class Window {
 public:
  static constexpr size_t kMaxRecords = 10'000;
  static constexpr size_t kMaxBytes = 8 << 20;

  bool HasRoom() const { return records_ < kMaxRecords && bytes_ < kMaxBytes; }
  bool empty() const { return sent_.empty(); }
  uint64_t last_sent() const { return last_sent_; }

  // Sending continues after `sequence`.
  void Start(uint64_t sequence) {
    sent_.clear();
    records_ = bytes_ = 0;
    last_sent_ = sequence;
  }
  void Sent(uint64_t last_sequence, size_t records, size_t bytes) {
    sent_.push_back({last_sequence, records, bytes});
    records_ += records;
    bytes_ += bytes;
    last_sent_ = last_sequence;
  }
  void Acknowledged(uint64_t sequence) {
    while (!sent_.empty() && sent_.front().last_sequence <= sequence) {
      records_ -= sent_.front().records;
      bytes_ -= sent_.front().bytes;
      sent_.pop_front();
    }
  }

 private:
  struct Batch {
    uint64_t last_sequence;
    size_t records;
    size_t bytes;
  };

  std::deque<Batch> sent_;
  size_t records_ = 0;
  size_t bytes_ = 0;
  uint64_t last_sent_ = 0;
};

}  // namespace hoptrail::agent::uplink

#endif  // HOPTRAIL_AGENT_UPLINK_WINDOW_H_
