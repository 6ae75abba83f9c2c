#ifndef HOPTRAIL_COLLECTOR_ENGINE_LOOP_HEARTBEAT_MONITOR_H_
#define HOPTRAIL_COLLECTOR_ENGINE_LOOP_HEARTBEAT_MONITOR_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "collector/engine/loop/host_table.h"
#include "collector/engine/loop/loop_state.h"
#include "core/model/ids.h"

namespace hoptrail::collector::engine {

// Finds agents that became silent without a goodbye. While nobody is logged in, and the connection
// has not ended, this takes twice the heartbeat timeout. Owned by EngineLoop, used by the engine's
// thread.
class HeartbeatMonitor {
 public:
  // Neither is owned; both outlive the monitor.
  HeartbeatMonitor(LoopState* state, HostTable* hosts) : state_(state), hosts_(hosts) {}

  // Gives the engine an AgentSilence for each agent whose heartbeat timeout is over. Call it about
  // once a second: after a longer pause of its own the monitor begins anew, since silence from
  // before may have been the collector's own delay.
  void FindMissedHeartbeats();

  // Shows hosts that sent nothing for LoopOptions::silent_after_ns as SILENT.
  void MarkSilentHosts();

 private:
  using Host = std::pair<model::HostId, HostEntry*>;

  struct Counts {
    size_t watched = 0;  // agents that should send messages
    size_t late = 0;     // of these: silent now, but not for long
  };

  // Whether a cut of the network that is over, or nearly so, may be the reason.
  bool MayBeCut(const model::HostId& host, const HostEntry& entry, int64_t silent_ns) const;
  // The agents whose timeout is newly over.
  std::vector<Host> NewlySilent(int64_t now_boot_ns, Counts* counts);

  LoopState* const state_;
  HostTable* const hosts_;
  int64_t last_call_boot_ns_ = 0;
  int64_t valid_from_boot_ns_ = 0;  // earlier silence does not count
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_LOOP_HEARTBEAT_MONITOR_H_
