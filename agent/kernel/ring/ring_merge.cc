#include "agent/kernel/ring/ring_merge.h"

#include <algorithm>

#include "bpf/abi/events.h"

#include "core/base/status_macros.h"

namespace hoptrail::agent::kernel {
namespace {

// Longer than the kernel side's pause between two wake-ups of the reader.
constexpr uint64_t kWindowNs = 5'000'000;
// How long urgent records are gathered after each round where they come without a pause. One round
// costs as much as dozens of records.
constexpr uint64_t kPauseNs = 4'000'000;
// How long newer records wait for one that is still being written. Writing takes a moment, but a
// virtual machine's CPU may be descheduled meanwhile.
constexpr uint64_t kBusyPatienceNs = 500'000'000;
// The most bytes that are taken from a ring and not yet passed on; the rest stays in the ring.
constexpr size_t kMostPendingBytes = 1u << 20;

}  // namespace

RingMerge::RingMerge() : buffer_(kWindowNs) {}

absl::Status RingMerge::Drain(uint64_t now_ns) {
  if (buffer_.bytes() >= 2 * kMostPendingBytes) return absl::OkStatus();
  for (Source& source : sources_) {
    size_t taken_bytes = 0;
    source.more = false;
    const auto take = [&](const void* data, size_t size) {
      buffer_.Add(data, size, source.urgent);
      if (size >= sizeof(ht_header)) {
        source.newest_ns = static_cast<const ht_header*>(data)->boot_ns;
      }
      taken_bytes += size;
      source.more = taken_bytes >= kMostPendingBytes;
      return !source.more;
    };
    HT_ASSIGN_OR_RETURN(const bool busy, source.ring.Consume(take));
    if (!busy) {
      source.busy_since_ns = 0;
    } else if (source.busy_since_ns == 0 || taken_bytes > 0) {
      source.busy_since_ns = now_ns;
    }
  }
  return absl::OkStatus();
}

// The boot time up to which no record is missing. A ring that was left before it was empty may hold
// records that are older than those taken from the other one.
uint64_t RingMerge::Horizon() const {
  uint64_t horizon_ns = ~uint64_t{0};
  for (const Source& source : sources_) {
    if (source.more) horizon_ns = std::min(horizon_ns, source.newest_ns);
  }
  return horizon_ns;
}

// The same for records behind one that is still being written, for kBusyPatienceNs at most.
uint64_t RingMerge::BusyHorizon(uint64_t now_ns) const {
  uint64_t horizon_ns = now_ns;
  for (const Source& source : sources_) {
    if (source.busy_since_ns != 0 && now_ns < source.busy_since_ns + kBusyPatienceNs) {
      horizon_ns = std::min(horizon_ns, source.newest_ns);
    }
  }
  return horizon_ns;
}

absl::StatusOr<size_t> RingMerge::Take(uint64_t now_ns, Receiver receiver) {
  HT_RETURN_IF_ERROR(Drain(now_ns));
  const uint64_t limit_ns = BusyHorizon(now_ns);
  size_t released = buffer_.Release(std::min(limit_ns, Horizon()), receiver);
  // Progress matters more than order.
  if (released == 0 && Horizon() < now_ns) released = buffer_.Release(limit_ns, receiver);
  if (released > 0) released_ns_ = now_ns;
  return released;
}

size_t RingMerge::Release(Receiver receiver) { return buffer_.Release(~uint64_t{0}, receiver); }

bool RingMerge::unfinished() const {
  return std::any_of(sources_.begin(), sources_.end(),
                     [](const Source& source) { return source.more || source.busy_since_ns != 0; });
}

absl::Duration RingMerge::UntilDue(uint64_t now_ns, absl::Duration longest) const {
  for (const Source& source : sources_) {
    if (source.more) return absl::ZeroDuration();
  }
  const uint64_t urgent_ns = buffer_.urgent_due_ns();
  const bool urgent = urgent_ns != ~uint64_t{0};
  for (const Source& source : sources_) {
    // The kernel side may send no wake-up when that record is finished.
    if (source.busy_since_ns != 0 && (urgent || source.urgent)) {
      return std::min(longest, absl::Milliseconds(1));
    }
  }
  if (!urgent) return longest;
  const uint64_t due_ns = std::max(urgent_ns, released_ns_ + kPauseNs);
  return std::min(longest, absl::Nanoseconds(std::max(due_ns, now_ns) - now_ns));
}

}  // namespace hoptrail::agent::kernel
