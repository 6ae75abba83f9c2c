#ifndef HOPTRAIL_AGENT_WORKER_EVENT_INTAKE_H_
#define HOPTRAIL_AGENT_WORKER_EVENT_INTAKE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "agent/kernel/reader.h"
#include "agent/loader/loader_client.h"
#include "agent/spool/loss_ledger.h"
#include "agent/worker/heartbeat.h"
#include "agent/worker/pipeline.h"
#include "core/base/clock.h"

namespace hoptrail::agent {

// Reads the kernel side's records, from the rings and from snapshots, decodes them, and passes the
// events to the heartbeat watch and the pipeline. Takes a fresh snapshot after records were lost.
// One thread.
class EventIntake {
 public:
  // All outlive this.
  struct Options {
    const Clock* clock = nullptr;
    loader::LoaderClient* loader = nullptr;  // opens the snapshot's iterators
    spool::LossLedger* losses = nullptr;     // counts records that cannot be decoded
    HeartbeatWatch* heartbeat = nullptr;
    Pipeline* pipeline = nullptr;
  };

  EventIntake(std::unique_ptr<kernel::Reader> reader, const Options& options)
      : options_(options), reader_(std::move(reader)) {}

  // Handles all records that are due now.
  absl::Status Poll();
  // How long until records are due that the rings hold back, to be merged in order.
  absl::Duration UntilDue() const { return reader_->UntilDue(); }
  // For the end: handles all records that the rings hold.
  absl::Status Drain();

  // Handles what ran before. A fault costs only a part of it, and is logged.
  void TakeSnapshot();
  // Once a second: takes a fresh snapshot after records were lost, since one may have been a fork
  // or an exit.
  void Tick();

  // Logs the records that were read and lost since the start, by type, for tests and benchmarks.
  void LogCounts() const;

 private:
  struct Read {
    uint64_t records = 0;
    uint64_t bytes = 0;
  };

  void Handle(const void* data, size_t size);

  const Options options_;
  const std::unique_ptr<kernel::Reader> reader_;
  std::vector<Read> read_;         // by record type
  uint64_t lost_ = 0;              // reported by the kernel side in all
  uint64_t lost_at_snapshot_ = 0;  // of that, before the last snapshot
  uint64_t ticks_ = 0;
  uint64_t snapshot_tick_ = 0;
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_WORKER_EVENT_INTAKE_H_
