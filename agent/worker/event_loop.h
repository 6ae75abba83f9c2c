#ifndef HOPTRAIL_AGENT_WORKER_EVENT_LOOP_H_
#define HOPTRAIL_AGENT_WORKER_EVENT_LOOP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"

#include "agent/host/host_name.h"
#include "agent/privilege/channel.h"
#include "agent/spool/degradations.h"
#include "agent/spool/spool.h"
#include "agent/uplink/uplink.h"
#include "agent/worker/event_intake.h"
#include "agent/worker/heartbeat.h"
#include "agent/worker/heartbeat_interval.h"
#include "agent/worker/local_health.h"
#include "agent/worker/pipeline.h"
#include "agent/worker/self_reports.h"
#include "agent/worker/uplink_inbox.h"
#include "agent/worker/wakeups.h"
#include "core/base/clock.h"

namespace hoptrail::agent {

// The loop of the worker's main thread: handles kernel events, the messages of the uplink and of
// the supervisor, and does what is due each second.
class EventLoop {
 public:
  // All pointers outlive this.
  struct Options {
    std::string blind_sources;  // see ReadinessInputs
    bool sees_loader = false;   // the loader's heartbeats are among the events
    const Clock* clock = nullptr;
    HostName* host_name = nullptr;
    Wakeups* wakeups = nullptr;
    const privilege::Channel* supervisor = nullptr;
    spool::Spool* spool = nullptr;
    spool::Degradations* degradations = nullptr;
    HeartbeatWatch* heartbeat = nullptr;
    HeartbeatInterval* heartbeat_interval = nullptr;
    UplinkInbox* inbox = nullptr;
    LocalHealth* local_health = nullptr;
    SelfReports* reports = nullptr;
    Pipeline* pipeline = nullptr;
    EventIntake* intake = nullptr;
    uplink::Uplink* uplink = nullptr;
  };

  explicit EventLoop(Options options) : options_(std::move(options)) {}

  // Runs until the supervisor asks for an end, or is gone (an error), or the rings cannot be read
  // (an error). Then handles all events that were recorded by then, and gives the uplink the
  // goodbye.
  absl::Status Run();

  // Whether the supervisor has asked for the end.
  bool asked_to_stop() const { return stop_.has_value(); }

  void WriteLocalHealth();

 private:
  absl::Status Loop();
  void Tick();
  absl::Status HandleSupervisorMessage();
  // Reports the present state again where the collector has lost it.
  void RepeatIfLost();
  void ReportAssumedHost();
  void Finish();
  void SendGoodbye(const privilege::Message& stop);

  const Options options_;
  std::optional<privilege::Message> stop_;  // the supervisor's message, once it has come
  uint64_t ticks_ = 0;
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_WORKER_EVENT_LOOP_H_
