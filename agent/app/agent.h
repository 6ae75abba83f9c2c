#ifndef HOPTRAIL_AGENT_APP_AGENT_H_
#define HOPTRAIL_AGENT_APP_AGENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "agent/app/pipeline.h"
#include "agent/app/settings.h"
#include "agent/app/wakeups.h"
#include "agent/kernel/sensor.h"
#include "agent/spool/spool.h"
#include "agent/uplink/uplink.h"
#include "core/base/bounded_queue.h"
#include "core/base/clock.h"
#include "core/base/unique_fd.h"
#include "core/model/fact.h"

namespace hoptrail::agent::app {

// The whole agent: sensor → decoder → pipeline on the calling thread, then spool and uplink on
// theirs. What flows back, provenance, comes through a bounded queue to the calling thread.
class Agent {
 public:
  // Opens the state directory, attaches to the kernel, and only then takes the snapshot, so that
  // nothing falls between. PERMISSION_DENIED and FAILED_PRECONDITION name what is missing.
  static absl::StatusOr<std::unique_ptr<Agent>> Start(const Settings& settings);
  // Detaches, tells what is left, and gives the collector a moment to take it.
  ~Agent();

  // Until SIGTERM or SIGINT (OK), or until the kernel side fails.
  absl::Status Run();

 private:
  Agent(const Settings& settings, const model::HostId& host, Wakeups wakeups, UniqueFd lock);
  absl::Status OpenSensor();
  void OpenPipeline();
  void OpenUplink();
  void TellCoverage();
  void TellHealth();
  void Handle(const void* data, size_t size);
  void TellRead() const;
  absl::Status Snapshot();
  absl::Status Tick();
  void TakeProvenance();

  const Settings settings_;
  const Clock& clock_ = Clock::System();
  const model::HostId host_;
  const std::string host_name_;
  const int64_t started_wall_ns_;
  Wakeups wakeups_;
  UniqueFd lock_;
  BoundedQueue<model::Provenance> provenance_{4096};
  std::unique_ptr<spool::Spool> spool_;
  std::unique_ptr<kernel::Sensor> sensor_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<uplink::Uplink> uplink_;

  uint64_t ticks_ = 0;
  std::vector<uint64_t> read_;     // records of the kernel side, by type
  uint64_t kernel_lost_ = 0;       // told by the kernel side in all
  uint64_t lost_at_snapshot_ = 0;  // of that, before the last snapshot
  uint64_t snapshot_tick_ = 0;
};

}  // namespace hoptrail::agent::app

#endif  // HOPTRAIL_AGENT_APP_AGENT_H_
