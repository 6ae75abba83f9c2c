#ifndef HOPTRAIL_COLLECTOR_ENGINE_LOOP_AGENT_RETURNS_H_
#define HOPTRAIL_COLLECTOR_ENGINE_LOOP_AGENT_RETURNS_H_

#include "collector/bus/agent_message.h"
#include "collector/engine/loop/host_table.h"
#include "collector/engine/loop/loop_state.h"
#include "core/model/ids.h"

namespace hoptrail::collector::engine {

// Finds agents that come back without what they must have: their state, the end of their last run,
// or records that they had numbered (docs/decisions/0033). Owned by EngineLoop, used by the
// engine's thread.
class AgentReturns {
 public:
  // Neither is owned; both outlive this.
  AgentReturns(LoopState* state, HostTable* hosts) : state_(state), hosts_(hosts) {}

  // A stream is admitted. Call it before the entry forgets how the last one ended.
  void OnAdmitted(const bus::StreamOpened& message, HostEntry* entry);
  // New records of the host were applied.
  void OnRecords(const bus::FactBatch& message, HostEntry* entry);
  // Gives the engine the returns whose time has come. Call it about once a second.
  void Evaluate();

 private:
  void Note(AgentReturn::Missing missing, const char* detail, HostEntry* entry);
  void EvaluateGap(const model::HostId& host, RecordGap* gap);

  LoopState* const state_;
  HostTable* const hosts_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_LOOP_AGENT_RETURNS_H_
