#include "agent/kernel/ring_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "bpf/abi/events.h"
#include <bpf/libbpf.h>

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

int Receive(void* context, void* data, size_t size) {
  auto* buffer = static_cast<OrderingBuffer*>(context);
  buffer->Add(data, size);
  // libbpf has consumed this record already; a negative value only ends the round.
  return buffer->bytes() < kMostPendingBytes ? 0 : -ENOBUFS;
}

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

void RingReader::Deleter::operator()(ring_buffer* rings) const { ring_buffer__free(rings); }

absl::StatusOr<RingReader> RingReader::Create(int high_ring_fd, int low_ring_fd) {
  RingReader reader;
  reader.buffer_ = std::make_unique<OrderingBuffer>(kWindowNs);
  reader.rings_.reset(ring_buffer__new(high_ring_fd, Receive, reader.buffer_.get(), nullptr));
  if (reader.rings_ == nullptr) {
    return absl::InternalError(absl::StrCat("opening the high ring: ", strerror(errno)));
  }
  if (const int error =
          ring_buffer__add(reader.rings_.get(), low_ring_fd, Receive, reader.buffer_.get());
      error != 0) {
    return absl::InternalError(absl::StrCat("opening the low ring: ", strerror(-error)));
  }
  return reader;
}

int RingReader::epoll_fd() const { return ring_buffer__epoll_fd(rings_.get()); }

absl::Status RingReader::Drain() {
  if (buffer_->bytes() >= kMostPendingBytes) return absl::OkStatus();
  const int result = ring_buffer__consume(rings_.get());
  if (result < 0 && result != -ENOBUFS && result != -EINTR) {
    return absl::InternalError(absl::StrCat("reading the rings: ", strerror(-result)));
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
