#include "agent/kernel/reader.h"

#include <utility>

#include "core/base/status_macros.h"

namespace hoptrail::agent::kernel {
namespace {

// The kernel side sends no wake-up for low records. They may be half a second late, and an idle
// host is woken twice a second for them.
constexpr absl::Duration kLongestWait = absl::Milliseconds(500);

}  // namespace

absl::StatusOr<Reader> Reader::Create(const Handles& handles) {
  HT_ASSIGN_OR_RETURN(LossCounters losses,
                      LossCounters::Map(handles.losses_fd, handles.cpus, handles.reported_fd));
  HT_ASSIGN_OR_RETURN(RingReader rings, RingReader::Create(handles.high_ring, handles.low_ring));
  return Reader(std::move(losses), std::move(rings));
}

absl::StatusOr<size_t> Reader::Poll(absl::Duration timeout, Receiver receiver) {
  HT_ASSIGN_OR_RETURN(const size_t records, rings_.Poll(timeout, receiver));
  return records + losses_.ReportNew(receiver);
}

absl::Status Reader::Drain(absl::Duration longest, Receiver receiver) {
  const absl::Status status = rings_.Drain(longest, receiver);
  losses_.ReportNew(receiver, /*at_once=*/true);
  return status;
}

absl::Duration Reader::UntilDue() const { return rings_.UntilDue(kLongestWait); }

}  // namespace hoptrail::agent::kernel
