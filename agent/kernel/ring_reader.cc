#include "agent/kernel/ring_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/abi/events.h"

#include "core/base/clock.h"
#include "core/base/status_macros.h"
#include <sys/epoll.h>

namespace hoptrail::agent::kernel {
namespace {

// Longer than the time for which the kernel side does not wake the reader again.
constexpr uint64_t kWindowNs = 5'000'000;
// How long to hold back what is newer than a record that is still being written. That takes a
// moment, or as long as a virtual machine's processor is taken away from it.
constexpr uint64_t kBusyPatienceNs = 500'000'000;
// Low records do not wake anybody, so look for them at least so often.
constexpr absl::Duration kTick = absl::Milliseconds(50);
// Taken from each ring and not yet handed over, at most; the rest stays there.
constexpr size_t kMostPendingBytes = 1u << 20;

}  // namespace

void OrderingBuffer::Add(const void* data, size_t size) {
  if (size < sizeof(ht_header) || size > HT_RECORD_MAX) return;
  ht_header header;
  std::memcpy(&header, data, sizeof(header));
  if (pending_.empty() || header.boot_ns < oldest_ns_) oldest_ns_ = header.boot_ns;
  pending_.push_back({header.boot_ns, arena_.size(), static_cast<uint32_t>(size)});
  arena_.append(static_cast<const char*>(data), size);
  live_bytes_ += size;
}

uint64_t OrderingBuffer::next_due_ns() const { return oldest_ns_ + window_ns_; }

size_t OrderingBuffer::Release(uint64_t now_ns,
                               absl::FunctionRef<void(const void*, size_t)> receiver) {
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

absl::StatusOr<RingReader> RingReader::Create(const RingHandle& high, const RingHandle& low) {
  RingReader reader;
  reader.epoll_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  if (!reader.epoll_.valid()) return absl::ErrnoToStatus(errno, "epoll_create1");
  reader.buffer_ = std::make_unique<OrderingBuffer>(kWindowNs);
  for (const RingHandle& handle : {high, low}) {
    HT_ASSIGN_OR_RETURN(Ring ring, Ring::Map(handle));
    reader.sources_.push_back({.ring = std::move(ring)});
    epoll_event event = {.events = EPOLLIN, .data = {.fd = handle.fd}};
    if (epoll_ctl(reader.epoll_.get(), EPOLL_CTL_ADD, handle.fd, &event) != 0) {
      return absl::ErrnoToStatus(errno, "waiting for a ring");
    }
  }
  return reader;
}

absl::Status RingReader::Drain(uint64_t now_ns) {
  if (buffer_->bytes() >= 2 * kMostPendingBytes) return absl::OkStatus();
  for (Source& source : sources_) {
    size_t taken_bytes = 0;
    source.more = false;
    const auto take = [&](const void* data, size_t size) {
      buffer_->Add(data, size);
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

// Up to when nothing is missing any more: what is left in one ring may be older than what was
// taken from the other.
uint64_t RingReader::Horizon() const {
  uint64_t horizon_ns = ~uint64_t{0};
  for (const Source& source : sources_) {
    if (source.more) horizon_ns = std::min(horizon_ns, source.newest_ns);
  }
  return horizon_ns;
}

// The same for what lies behind a record that is still being written, for as long as patience
// lasts.
uint64_t RingReader::BusyHorizon(uint64_t now_ns) const {
  uint64_t horizon_ns = now_ns;
  for (const Source& source : sources_) {
    if (source.busy_since_ns != 0 && now_ns < source.busy_since_ns + kBusyPatienceNs) {
      horizon_ns = std::min(horizon_ns, source.newest_ns);
    }
  }
  return horizon_ns;
}

absl::Duration RingReader::UntilDue(absl::Duration longest) const {
  for (const Source& source : sources_) {
    if (source.more) return absl::ZeroDuration();
  }
  if (buffer_->empty()) return longest;
  for (const Source& source : sources_) {
    if (source.busy_since_ns != 0) return std::min(longest, absl::Milliseconds(1));
  }
  const uint64_t now_ns = Clock::System().BootNs();
  const uint64_t due_ns = std::max(buffer_->next_due_ns(), now_ns);
  return std::min(longest, absl::Nanoseconds(due_ns - now_ns));
}

absl::StatusOr<size_t> RingReader::Poll(absl::Duration timeout,
                                        absl::FunctionRef<void(const void*, size_t)> receiver) {
  const Clock& clock = Clock::System();
  const uint64_t deadline_ns = clock.BootNs() + absl::ToInt64Nanoseconds(std::clamp(
                                                    timeout, absl::ZeroDuration(), absl::Hours(1)));
  while (true) {
    // Before draining: whatever is older than the window by now has been drained below.
    const uint64_t now_ns = clock.BootNs();
    HT_RETURN_IF_ERROR(Drain(now_ns));
    const uint64_t limit_ns = BusyHorizon(now_ns);
    size_t released = buffer_->Release(std::min(limit_ns, Horizon()), receiver);
    // Order is worth less than going on.
    if (released == 0 && Horizon() < now_ns) released = buffer_->Release(limit_ns, receiver);
    if (released > 0 || now_ns >= deadline_ns) return released;

    const absl::Duration wait = UntilDue(std::min(kTick, absl::Nanoseconds(deadline_ns - now_ns)));
    const int wait_ms =
        static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(wait, absl::Milliseconds(1))));
    epoll_event events[2];
    if (epoll_wait(epoll_fd(), events, 2, wait_ms) < 0 && errno != EINTR) {
      return absl::InternalError(absl::StrCat("epoll_wait: ", strerror(errno)));
    }
    // Records that are held back for the window are all that woke us: let the rest of it pass.
  }
}

}  // namespace hoptrail::agent::kernel
