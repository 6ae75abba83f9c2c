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

// What a reader takes of attached programs: descriptors of maps, not owned, and their sizes.
struct Handles {
  RingHandle high_ring;
  RingHandle low_ring;
  int losses_fd = -1;    // no longer needed once the reader is made
  int reported_fd = -1;  // the same; see LossCounters::Map
  uint32_t cpus = 0;
};

// The half of a sensor that takes no privilege: reads the rings and the loss counters through their
// mappings. No call of it is a bpf(2). One thread.
class Reader {
 public:
  static absl::StatusOr<Reader> Create(const Handles& handles);

  // For Handles::reported_fd: shared by readers that follow each other, so that none reports again
  // what the one before has reported.
  static absl::StatusOr<UniqueFd> MakeReportedMemory() {
    return LossCounters::MakeReportedMemory();
  }

  // See Sensor.
  absl::StatusOr<size_t> Poll(absl::Duration timeout, Receiver receiver);
  // For the end: hands over all that is there, in order, also what Poll would hold back for some
  // milliseconds. Waits for records that are being written, and goes on while more come, at most
  // `longest`.
  absl::Status Drain(absl::Duration longest, Receiver receiver);
  int poll_fd() const { return rings_.epoll_fd(); }
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
