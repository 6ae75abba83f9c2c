#ifndef HOPTRAIL_AGENT_WORKER_AGENT_H_
#define HOPTRAIL_AGENT_WORKER_AGENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

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
#include "agent/worker/event_intake.h"
#include "agent/worker/event_loop.h"
#include "agent/worker/heartbeat.h"
#include "agent/worker/heartbeat_interval.h"
#include "agent/worker/local_health.h"
#include "agent/worker/pipeline.h"
#include "agent/worker/run_marker.h"
#include "agent/worker/self_reports.h"
#include "agent/worker/uplink_inbox.h"
#include "agent/worker/wakeups.h"
#include "core/base/clock.h"
#include "core/model/agent_run.h"
#include "core/model/fact.h"

namespace hoptrail::agent {

// The worker's stages: event intake → pipeline on the calling thread, then spool and uplink on
// theirs. Provenance, which flows back, comes through a bounded queue to the calling thread.
class Agent {
 public:
  // The results of the steps that need privileges, done before.
  struct Dependencies {
    model::HostId host;
    std::vector<model::SourceCoverage> coverage;
    std::unique_ptr<kernel::Reader> reader;
    privilege::Channel loader{UniqueFd()};
    privilege::Channel supervisor{UniqueFd()};
    uint32_t supervisor_tgid = 0;  // in this pid namespace
    std::string last_end;          // how the worker before this one ended, if there was one
    std::string weakened;          // keys of a new configuration with which it sees or reports less
    HealthFile health_file;
    ServiceManager service_manager;
  };

  // Opens the spool and takes the snapshot while new events already wait in the rings, so that none
  // is missed. Then reports to the supervisor that it works.
  static absl::StatusOr<std::unique_ptr<Agent>> Start(const Settings& settings,
                                                      Dependencies dependencies);

  // Spools what is left, and gives the collector a moment to acknowledge it.
  ~Agent();

  // Runs until the supervisor asks for an end, or is gone, or the rings cannot be read. However it
  // ends, all events that were recorded by then are evaluated and spooled.
  absl::Status Run();

 private:
  Agent(const Settings& settings, Dependencies dependencies, Wakeups wakeups);

  Pipeline::Counts counts() const;  // zeros while there is no pipeline
  void OpenReports(std::vector<model::SourceCoverage> coverage);
  void OpenPipeline();
  void OpenUplink();
  void OpenLoop();
  void ReportLastEnd(const std::string& last_end);

  const Settings settings_;
  const Clock& clock_ = Clock::System();
  const model::HostId host_;
  HostName host_name_;
  Wakeups wakeups_;
  const privilege::Channel supervisor_;
  loader::LoaderClient loader_;
  const uint32_t supervisor_tgid_;
  const RunMarker marker_;
  model::PreviousEnd previous_end_ = model::PreviousEnd::kUnknown;
  bool restored_ = false;  // the last run has left saved state
  HeartbeatWatch heartbeat_;
  const bool sees_loader_;
  const std::string blind_sources_;
  LocalHealth local_health_;
  HeartbeatInterval heartbeat_interval_{&clock_};
  UplinkInbox inbox_{[this] { wakeups_.Notify(); }};
  // Spool and uplink add to it, too, on their threads.
  spool::Degradations degradations_{[this] { wakeups_.Notify(); }};

  std::unique_ptr<spool::Spool> spool_;
  std::unique_ptr<SelfReports> reports_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<kernel::Reader> reader_;  // until intake_ has it
  std::unique_ptr<EventIntake> intake_;
  std::unique_ptr<uplink::Uplink> uplink_;
  std::unique_ptr<EventLoop> loop_;
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_WORKER_AGENT_H_
