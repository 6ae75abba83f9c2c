#ifndef HOPTRAIL_AGENT_WORKER_SELF_REPORTS_H_
#define HOPTRAIL_AGENT_WORKER_SELF_REPORTS_H_

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/host/host_name.h"
#include "agent/spool/degradations.h"
#include "agent/spool/spool.h"
#include "agent/worker/clock_step.h"
#include "agent/worker/heartbeat.h"
#include "agent/worker/pipeline.h"
#include "core/base/clock.h"
#include "core/model/fact.h"

namespace hoptrail::agent {

// Reports the agent's own state to the collector: coverage, health, degradations, interference. One
// thread.
class SelfReports {
 public:
  // All pointers outlive this.
  struct Options {
    model::HostId host;
    std::vector<model::SourceCoverage> coverage;
    const Clock* clock = nullptr;
    const HostName* host_name = nullptr;
    spool::Spool* spool = nullptr;
    spool::Degradations* degradations = nullptr;
    HeartbeatWatch* heartbeat = nullptr;
    std::function<Pipeline::Counts()> counts;
    // Login servers whose logins show neither method nor key; see session::SilentServers.
    std::function<std::set<std::string>()> silent_servers;
  };

  explicit SelfReports(Options options)
      : options_(std::move(options)),
        started_wall_ns_(options_.clock->WallNs()),
        clock_step_(options_.clock) {}

  // The hook plan, and the login servers of which the hooks show too little.
  void ReportCoverage();
  // Reports the coverage again where such a login server has come or gone.
  void FindSilentServers();
  void ReportHealth();
  // Also logs it.
  void ReportInterference(model::InterferenceKind kind, const std::string& detail);

  // Looks, about once a second, for a kernel side that is silent, a clock that was set, and losses.
  void FindDegradations();
  // Reports the agent's health where a degradation has begun or ended, at most once a second.
  void ReportDegradations();

 private:
  uint64_t Lost() const { return options_.counts().lost + options_.spool->losses().total(); }

  const Options options_;
  const int64_t started_wall_ns_;
  ClockStepWatch clock_step_;
  std::set<std::string> silent_servers_;  // at the last ReportCoverage()
  uint64_t lost_ = 0;                     // at the last FindDegradations()
  uint64_t reported_changes_ = 0;         // Degradations::changes() at the last health report
  uint64_t health_reported_boot_ns_ = 0;  // the time of that
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_WORKER_SELF_REPORTS_H_
