#ifndef HOPTRAIL_COLLECTOR_ENGINE_LOOP_ENGINE_LOOP_H_
#define HOPTRAIL_COLLECTOR_ENGINE_LOOP_ENGINE_LOOP_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "collector/bus/fact_bus.h"
#include "collector/engine/engine.h"
#include "collector/engine/loop/agent_returns.h"
#include "collector/engine/loop/claim_throttle.h"
#include "collector/engine/loop/heartbeat_monitor.h"
#include "collector/engine/loop/host_ownership.h"
#include "collector/engine/loop/host_table.h"
#include "collector/engine/loop/loop_options.h"
#include "collector/engine/loop/loop_state.h"
#include "collector/engine/loop/refusals.h"
#include "collector/engine/loop/request.h"
#include "collector/engine/loop/request_queue.h"
#include "collector/store/store.h"
#include "core/base/trouble_log.h"

namespace hoptrail::collector::engine {

// The one thread that owns the engine and writes the store. It takes the messages of agents'
// streams from the bus, applies them, makes all effects durable in one transaction, and only then
// acknowledges. If the store takes nothing (full disk), the loop stops: it acknowledges nothing,
// streams wait, and it tries again until it can write.
class EngineLoop {
 public:
  using Options = LoopOptions;

  // Nothing is owned; all of it outlives the loop. Engine and store belong to the loop's thread
  // between Start and Stop. The loop is the subscriber of the bus.
  EngineLoop(Engine* engine, store::Store* store, bus::FactBus* bus, const Options& options);
  ~EngineLoop();

  // Rebuilds the engine from the store. Before Start.
  absl::Status Restore();
  void Start();
  // Closes the bus, finishes the messages it holds unless the store takes nothing, and ends every
  // stream with UNAVAILABLE.
  void Stop();

  // See RequestQueue. Thread-safe.
  bool TryPush(Request request) { return requests_.TryPush(std::move(request)); }
  absl::StatusOr<model::Incident> SetIncidentState(const model::IncidentId& incident,
                                                   model::IncidentState state,
                                                   const std::string& who) {
    return requests_.SetIncidentState(incident, state, who);
  }
  absl::StatusOr<Path> PathOf(const model::SessionId& session) { return requests_.PathOf(session); }
  absl::Status RemoveHost(const model::HostId& host, const std::string& who) {
    return requests_.RemoveHost(host, who);
  }

  // Whether a round ended within the last `limit`. Thread-safe.
  bool Alive(absl::Duration limit) const;

  // One round without the thread, for tests. False: the bus is closed and empty.
  bool Round(absl::Duration wait);

 private:
  void Run();
  void On(bus::StreamOpened& message) { identity_.Open(message); }
  void On(bus::IncarnationConfirmed& message) { identity_.Confirm(message); }
  void On(bus::FactBatch& message);
  void On(bus::AgentStopping& message);
  void On(bus::StreamClosed& message);
  void Answer(SetIncidentStateRequest& request);
  void Answer(RemoveHostRequest& request);
  void Answer(ReconfigureRequest& request);
  void Answer(PathRequest& request);
  // Ends the stream if its numbers are beyond what the host can have reached.
  bool RefusesSequences(const bus::FactBatch& message, const HostEntry& entry);
  void KeepFact(const model::Fact& fact, const model::HostId& host);
  void Tick();
  void ReleasePages();
  void ApplyRetention(int64_t now_boot_ns);
  // Writes the transaction and does what follows. Waits while the store takes nothing.
  void Commit();
  // False: the loop stops and the rows are not written.
  bool Write();

  bus::FactBus* const bus_;
  LoopState state_;
  HostTable hosts_{&state_};
  Refusals refusals_{&state_, &hosts_};
  AgentReturns returns_{&state_, &hosts_};
  HostOwnership identity_{&state_, &hosts_, &refusals_, &returns_};
  HeartbeatMonitor heartbeats_{&state_, &hosts_};
  ClaimThrottle throttle_;
  RequestQueue requests_;

  int64_t next_tick_boot_ns_ = 0;
  int64_t next_retention_boot_ns_ = 0;
  TroubleLog store_log_;
  std::atomic<int64_t> alive_boot_ns_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_LOOP_ENGINE_LOOP_H_
