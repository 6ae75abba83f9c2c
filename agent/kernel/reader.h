#ifndef HOPTRAIL_AGENT_KERNEL_READER_H_
#define HOPTRAIL_AGENT_KERNEL_READER_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "agent/kernel/plan/options.h"
#include "agent/kernel/ring/loss_counters.h"
#include "agent/kernel/ring/receiver.h"
#include "agent/kernel/ring/ring_reader.h"

namespace hoptrail::agent::kernel {

// The maps that a reader needs: descriptors of maps, not owned, and their sizes.
struct Handles {
  RingHandle high_ring;
  RingHandle low_ring;
  int losses_fd = -1;    // needed by Reader::Create() only
  int reported_fd = -1;  // the same; see LossCounters::Map()
  uint32_t cpus = 0;
};

// The half of a sensor that needs no privilege: it reads the rings and the loss counters through
// their mappings, without bpf(2). One thread.
class Reader {
 public:
  static absl::StatusOr<Reader> Create(const Handles& handles);

  // For Handles::reported_fd. Readers that follow each other share it, so that none reports again
  // what its predecessor has reported.
  static absl::StatusOr<UniqueFd> MakeReportedMemory() {
    return LossCounters::MakeReportedMemory();
  }

  // See Sensor.
  absl::StatusOr<size_t> Poll(absl::Duration timeout, Receiver receiver);
  // For the end: passes all records to `receiver`, in order, also those that Poll() would hold
  // back. Waits for records that are being written, and continues while more come, for at most
  // `longest`.
  absl::Status Drain(absl::Duration longest, Receiver receiver);
  // Becomes readable when many or urgent records wait; to be watched edge-triggered. It does not
  // for other records, nor again within some milliseconds, so Poll() must also be called after
  // UntilDue(). Owned by this.
  int poll_fd() const { return rings_.epoll_fd(); }
  // How long the next Poll() can wait: 0 to 500 ms.
  absl::Duration UntilDue() const;
  std::vector<LossCount> ReadLosses() const { return losses_.Read(); }

 private:
  Reader(LossCounters losses, RingReader rings)
      : losses_(std::move(losses)), rings_(std::move(rings)) {}

  LossCounters losses_;
  RingReader rings_;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_READER_H_
