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

constexpr uint64_t kWindowNs = 5'000'000;
// Low records do not wake anybody, so look for them at least so often.
constexpr absl::Duration kTick = absl::Milliseconds(50);
// Taken from the rings and not yet handed over, at most; the rest stays in the rings.
constexpr size_t kMostPendingBytes = 16u << 20;

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
    std::string kept;
    kept.reserve(live_bytes_);
    for (Pending& record : pending_) {
      const size_t offset = kept.size();
      kept.append(arena_, record.offset, record.size);
      record.offset = offset;
    }
    arena_ = std::move(kept);
  }
  return released;
}

absl::StatusOr<RingReader> RingReader::Create(const RingHandle& high, const RingHandle& low) {
  RingReader reader;
  reader.buffer_ = std::make_unique<OrderingBuffer>(kWindowNs);
  reader.epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
  if (!reader.epoll_.valid()) {
    return absl::InternalError(absl::StrCat("epoll_create1: ", strerror(errno)));
  }
  for (const RingHandle& handle : {high, low}) {
    HT_ASSIGN_OR_RETURN(Ring ring, Ring::Map(handle));
    reader.rings_.push_back(std::move(ring));
    epoll_event event = {.events = EPOLLIN, .data = {.fd = handle.fd}};
    if (epoll_ctl(reader.epoll_.get(), EPOLL_CTL_ADD, handle.fd, &event) != 0) {
      return absl::InternalError(absl::StrCat("waiting for a ring: ", strerror(errno)));
    }
  }
  return reader;
}

absl::Status RingReader::Drain() {
  for (Ring& ring : rings_) {
    HT_RETURN_IF_ERROR(ring.Consume([this](const void* data, size_t size) {
      buffer_->Add(data, size);
      return buffer_->bytes() < kMostPendingBytes;
    }));
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> RingReader::Poll(absl::Duration timeout,
                                        absl::FunctionRef<void(const void*, size_t)> receiver) {
  const Clock& clock = Clock::System();
  const uint64_t deadline_ns = clock.BootNs() + absl::ToInt64Nanoseconds(std::clamp(
                                                    timeout, absl::ZeroDuration(), absl::Hours(1)));
  while (true) {
    // Before draining: whatever is older than the window by now has been drained below.
    const uint64_t now_ns = clock.BootNs();
    HT_RETURN_IF_ERROR(Drain());
    const size_t released = buffer_->Release(now_ns, receiver);
    if (released > 0 || now_ns >= deadline_ns) return released;

    uint64_t wake_ns = std::min(deadline_ns, now_ns + absl::ToInt64Nanoseconds(kTick));
    if (!buffer_->empty()) wake_ns = std::min(wake_ns, std::max(buffer_->next_due_ns(), now_ns));
    const int wait_ms = static_cast<int>((wake_ns - now_ns + 999'999) / 1'000'000);
    epoll_event events[2];
    if (epoll_wait(epoll_fd(), events, 2, wait_ms) < 0 && errno != EINTR) {
      return absl::InternalError(absl::StrCat("epoll_wait: ", strerror(errno)));
    }
    // Records that are held back for the window are all that woke us: let the rest of it pass.
  }
}

}  // namespace hoptrail::agent::kernel
