#ifndef HOPTRAIL_COLLECTOR_ENGINE_LOOP_HOST_TABLE_H_
#define HOPTRAIL_COLLECTOR_ENGINE_LOOP_HOST_TABLE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "collector/bus/agent_message.h"
#include "collector/bus/agent_sink.h"
#include "collector/engine/loop/loop_state.h"
#include "collector/engine/loop/sequence_bound.h"
#include "collector/engine/values/agent_trouble.h"
#include "collector/engine/values/refusal.h"
#include "collector/store/views.h"
#include "core/model/fact.h"
#include "core/model/ids.h"
#include "core/model/incarnation.h"

namespace hoptrail::collector::engine {

// Claims of a host that were refused (Refusals).
struct RefusedClaims {
  absl::btree_map<RefusalReason, uint64_t> counts;  // since the collector started
  bool changed = false;                             // since they were shown
  int64_t shown_boot_ns = 0;
  int64_t last_boot_ns = 0;  // when the last one was refused; 0: never
};

// Records of a host whose numbers are missing (AgentReturns).
struct RecordGap {
  uint64_t announced = 0;   // the highest number that the agent said to have spooled
  uint64_t last = 0;        // the highest number of the stream; 0: none has come
  uint64_t missing = 0;     // numbers that were skipped
  uint64_t explained = 0;   // records that the agent reported as lost
  int64_t due_boot_ns = 0;  // when to compare the two; 0: nothing is missing
};

// One boot of a machine.
struct HostEntry {
  std::string host_name;
  std::shared_ptr<bus::AgentSink> sink;  // null: not connected
  bool listed = false;
  // When its stream was opened last. Orders the boots of a machine, and grows over all hosts.
  int64_t connected_wall_ns = 0;
  store::HostState state = store::HostState::kUnknown;
  int64_t last_message_boot_ns = 0;  // when its last message arrived
  uint64_t applied_sequence = 0;     // in this transaction or an earlier one
  SequenceBound sequences;           // of the stream that was opened last
  int64_t broken_boot_ns = 0;        // when its stream ended without a goodbye; 0: it did not
  // When a newer boot of the machine connected; 0: there is none.
  int64_t followed_boot_ns = 0;
  std::vector<model::Degradation> collector_degradations;  // at most one of a kind

  // HeartbeatMonitor's.
  bool heartbeat_missed = false;
  std::optional<AgentSilence> silence;  // as given to the engine last

  // AgentReturns'.
  uint64_t run = 0;                       // of the agent that spoke last: AgentRun::first_sequence
  std::optional<AgentReturn> comes_back;  // not yet given to the engine
  int64_t comes_back_boot_ns = 0;         // when to give it
  RecordGap gap;

  // HostOwnership's.
  model::Incarnation confirmed;               // by the agent; durable
  model::Incarnation offered;                 // the last one, at a greeting or a question
  std::optional<bus::StreamOpened> newcomer;  // waits while the agent of `sink` is asked
  int64_t asked_boot_ns = 0;
  int64_t suspected_boot_ns = 0;  // when two agents were seen last; 0: never
  // Not yet given to the engine, since nobody was logged in.
  std::optional<model::Interference> clone;

  RefusedClaims refused;
};

// The machines, their boots, and what the collector itself reports about them. Its rows go to the
// transaction. Owned by EngineLoop, used by the engine's thread.
class HostTable {
 public:
  using Map = absl::flat_hash_map<model::HostId, HostEntry>;

  // `state` is not owned and outlives the table.
  explicit HostTable(LoopState* state) : state_(state) {}

  // Takes stored rows. Call it once, before anything else.
  void Restore(const std::vector<store::HostRow>& rows);

  // The entry of a host, added if it is new. A pointer to an entry is valid until the next Get.
  HostEntry& Get(const model::HostId& host) { return hosts_[host]; }
  HostEntry* Find(const model::HostId& host);
  Map& all() { return hosts_; }

  // Gives the engine the presence of each machine's agent. Call it about once a second.
  void ReportPresence();

  // A message of the host arrived.
  void NoteMessage(const model::HostId& host, HostEntry* entry);
  // Whether the host has had a stream, in this run of the collector or an earlier one.
  bool Knows(const model::HostId& host) const;
  // The boot of the machine that connected last; null if none is known.
  const model::BootId* NewestBootOf(const model::MachineId& machine) const;
  // The stream of the host was admitted, or has ended.
  void NoteConnected(const model::HostId& host, HostEntry* entry);
  void NoteDisconnected(const model::HostId& host, HostEntry* entry);
  // Takes the host's name over from the engine, which may have refused a new one. A change, and a
  // name that another machine has or had, are logged and shown for a day.
  void UpdateHostName(const model::HostId& host, HostEntry* entry);

  // Whether the boot is over: a newer boot of its machine connected, and it is not connected.
  bool HasEnded(const model::HostId& host, const HostEntry& entry) const;
  // Whether the boot was still up when the newer boot connected.
  static bool OutlivedNext(const HostEntry& entry, int64_t last_message_boot_ns);
  // Two boots of the machine are up at the same time, or no longer are.
  void NoteBothUp(const model::HostId& host, HostEntry* entry, bool both);

  // Sets or removes a degradation that the collector found. Setting the same one again changes
  // nothing. `detail`: removes only a degradation with this detail; empty: any.
  void AddDegradation(const model::HostId& host, HostEntry* entry, model::DegradationKind kind,
                      std::string detail);
  void RemoveDegradation(const model::HostId& host, HostEntry* entry, model::DegradationKind kind,
                         absl::string_view detail);

  // The same with `since` set anew.
  void ReplaceDegradation(const model::HostId& host, HostEntry* entry, model::DegradationKind kind,
                          std::string detail);

  // Takes a boot, or with an empty boot id all boots of a machine, off the list. NOT_FOUND;
  // FAILED_PRECONDITION while an agent is connected. `who` is for the log.
  absl::Status Remove(const model::HostId& host, absl::string_view who);
  // Takes hosts off the list that were silent for as long as facts are kept. Removes a host from
  // memory when no session refers to it.
  void ForgetOld();

 private:
  void RestoreRow(const store::HostRow& row);
  // The name of this boot, or else of the machine's newest one.
  std::string LastNameOf(const model::HostId& host, const HostEntry& entry) const;
  // A second agent assumed the boot `assumed`: the machine's newest boot, if its agent is
  // connected. Null otherwise.
  const HostEntry* HolderOf(const model::HostId& assumed, const model::BootId& newest) const;
  void Unlist(const model::HostId& host, HostEntry* entry);

  LoopState* const state_;
  Map hosts_;
  absl::flat_hash_map<model::MachineId, model::BootId> newest_boot_;  // connected last
  int64_t last_connected_wall_ns_ = 0;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_LOOP_HOST_TABLE_H_
