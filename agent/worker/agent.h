#ifndef HOPTRAIL_AGENT_WORKER_AGENT_H_
#define HOPTRAIL_AGENT_WORKER_AGENT_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "agent/config/settings.h"
#include "agent/health/health_file.h"
#include "agent/health/service_manager.h"
#include "agent/host/host_name.h"
#include "agent/kernel/reader.h"
#include "agent/loader/loader_client.h"
#include "agent/privilege/channel.h"
#include "agent/spool/degradations.h"
#include "agent/spool/spool.h"
#include "agent/uplink/uplink.h"
#include "agent/worker/clock_step.h"
#include "agent/worker/heartbeat.h"
#include "agent/worker/pipeline.h"
#include "agent/worker/run_marker.h"
#include "agent/worker/wakeups.h"
#include "core/base/bounded_queue.h"
#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "core/model/fact.h"

namespace hoptrail::agent {

// What the worker does: reader → decoder → pipeline on the calling thread, then spool and uplink on
// theirs. What flows back, provenance, comes through a bounded queue to the calling thread.
class Agent {
 public:
  // What takes privileges and was done before.
  struct Given {
    model::HostId host;
    std::vector<model::SourceCoverage> coverage;
    std::unique_ptr<kernel::Reader> reader;
    privilege::Channel loader{UniqueFd()};
    privilege::Channel supervisor{UniqueFd()};
    uint32_t supervisor_tgid = 0;  // in this pid namespace
    std::string last_end;          // how the worker before this one ended, if there was one
    std::string weakened;          // keys of a new configuration by which it sees or reports less
    HealthFile health_file;
    ServiceManager service_manager;
  };

  // Opens the spool and takes the snapshot, while what happens waits in the rings already, so that
  // nothing falls between. Then tells the supervisor that it works.
  static absl::StatusOr<std::unique_ptr<Agent>> Start(const Settings& settings, Given given);

  // Tells what is left, and gives the collector a moment to take it.
  ~Agent();

  // Until the supervisor says so, or is gone, or the rings cannot be read. However it ends, what
  // had been recorded by then is judged and on its way.
  absl::Status Run();

 private:
  struct Read {
    uint64_t records = 0;
    uint64_t bytes = 0;
  };

  Agent(const Settings& settings, Given given, Wakeups wakeups);

  void OpenPipeline();
  void OpenUplink();
  void LogCoverage() const;
  void TellCoverage();
  void RepeatIfLost();
  void TellHealth();
  void WriteHealthFile();
  void TellDegradations();
  void FindDegradations();
  uint64_t Lost() const { return pipeline_->counts().lost + spool_->losses().total(); }
  void Handle(const void* data, size_t size);
  void TellRead() const;
  void TellDetection(const model::Detection& detection) const;
  void TellInterference(model::InterferenceKind kind, const std::string& detail);
  void TellLastEnd(const std::string& last_end);
  absl::Duration HeartbeatEvery() const;
  void Snapshot();
  absl::Status Loop();
  absl::Status HearSupervisor();
  void Finish();
  void SayGoodbye(const privilege::Message& word);
  void Tick();
  void TakeProvenance();
  void SayAssumed();

  const Settings settings_;
  const Clock& clock_ = Clock::System();
  const model::HostId host_;
  HostName host_name_;
  const int64_t started_wall_ns_;
  Wakeups wakeups_;
  const std::vector<model::SourceCoverage> coverage_;
  const privilege::Channel supervisor_;
  LoaderClient loader_;
  const uint32_t supervisor_tgid_;
  std::optional<privilege::Message> stop_;  // the supervisor's word, once it has come
  const RunMarker marker_;
  bool restored_ = false;  // something of the last run's
  HeartbeatWatch heartbeat_;
  ClockStepWatch clock_step_{&clock_};
  const HealthFile health_file_;
  ServiceManager service_manager_;
  const bool sees_loader_;
  std::atomic<uint64_t> round_boot_ns_{0};  // the calling thread's last round
  std::atomic<bool> occupied_{false};       // somebody is logged in
  std::atomic<bool> repeat_{false};         // the collector has lost what it was told
  BoundedQueue<model::Provenance> provenance_{4096};
  Mutex mutex_;
  std::optional<model::HostId> assumed_ ABSL_GUARDED_BY(mutex_);  // not said yet
  // What spool and uplink find is reported to it too, on their threads.
  spool::Degradations degradations_{[this] { wakeups_.Notify(); }};
  std::unique_ptr<spool::Spool> spool_;
  std::unique_ptr<kernel::Reader> reader_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<uplink::Uplink> uplink_;

  bool health_file_failed_ = false;
  uint64_t ticks_ = 0;
  uint64_t lost_ = 0;                 // in all, at the last tick
  uint64_t degradations_told_ = 0;    // Degradations::changes() at the last health report
  uint64_t health_told_boot_ns_ = 0;  // when that was
  std::vector<Read> read_;            // of the kernel side, by type
  uint64_t kernel_lost_ = 0;          // told by the kernel side in all
  uint64_t lost_at_snapshot_ = 0;     // of that, before the last snapshot
  uint64_t snapshot_tick_ = 0;
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_WORKER_AGENT_H_
