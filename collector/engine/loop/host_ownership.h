#ifndef HOPTRAIL_COLLECTOR_ENGINE_LOOP_HOST_OWNERSHIP_H_
#define HOPTRAIL_COLLECTOR_ENGINE_LOOP_HOST_OWNERSHIP_H_

#include <memory>
#include <string>

#include "absl/random/random.h"
#include "absl/strings/string_view.h"

#include "collector/bus/agent_message.h"
#include "collector/bus/agent_sink.h"
#include "collector/engine/loop/agent_returns.h"
#include "collector/engine/loop/host_table.h"
#include "collector/engine/loop/loop_state.h"
#include "collector/engine/loop/refusals.h"
#include "core/base/keyed_budget.h"
#include "core/model/ids.h"
#include "core/model/incarnation.h"

namespace hoptrail::collector::engine {

// Finds out which of several agents speaks for a host, and separates them by giving the second a
// boot id of its own (docs/decisions/0017). Owned by EngineLoop, used by the engine's thread.
class HostOwnership {
 public:
  // Nothing is owned; all of it outlives this.
  HostOwnership(LoopState* state, HostTable* hosts, Refusals* refusals, AgentReturns* returns)
      : state_(state), hosts_(hosts), refusals_(refusals), returns_(returns) {}

  // A stream was opened: admits it, sends it to a boot of its own, or asks the agent that holds the
  // host first. Refuses a boot that is new when its machine has had too many.
  void Open(bus::StreamOpened& message);
  void Confirm(const bus::IncarnationConfirmed& message);
  // A stream has closed: it no longer waits for an answer.
  void ForgetNewcomer(const bus::AgentSink* sink, HostEntry* entry);
  // The host is free: opens the stream that waits for it, if there is one.
  void OpenNewcomer(HostEntry* entry);

  // Decides for newcomers whose question was not answered in time. Call it about once a second.
  void EvaluateHolders();
  // Gives suspected clones to the engine once somebody is logged in there, since a detection needs
  // a session, and removes suspicions that are over. Call it about once a second.
  void EvaluateClones();

 private:
  static constexpr int kNewBootsAtOnce = 8;

  static bool IsSuperseded(const bus::StreamOpened& message, const HostEntry& entry);
  model::Incarnation Offer(const bus::StreamOpened& message, HostEntry* entry);
  void RefuseBoot(const bus::StreamOpened& message);
  void Admit(const bus::StreamOpened& message, HostEntry* entry);
  void AskHolder(bus::StreamOpened& message, HostEntry* entry);
  void Divert(const bus::StreamOpened& message, HostEntry* entry, absl::string_view why);
  void Suspect(const model::HostId& host, HostEntry* entry, const std::string& detail);
  // Removes the degradation if it has lasted a day.
  void RemoveIfOld(const model::HostId& host, model::DegradationKind kind, HostEntry* entry);
  model::Nonce RandomNonce();

  LoopState* const state_;
  HostTable* const hosts_;
  Refusals* const refusals_;
  AgentReturns* const returns_;
  // Boots that the collector does not know yet. A machine that restarts all the time gets in at a
  // later try.
  KeyedBudget<model::MachineId> new_boots_{{.burst = kNewBootsAtOnce, .per_second = 1.0 / 60}};
  absl::BitGen random_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_LOOP_HOST_OWNERSHIP_H_
