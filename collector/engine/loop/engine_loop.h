#ifndef HOPTRAIL_COLLECTOR_ENGINE_LOOP_ENGINE_LOOP_H_
#define HOPTRAIL_COLLECTOR_ENGINE_LOOP_ENGINE_LOOP_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "collector/bus/fact_bus.h"
#include "collector/engine/engine.h"
#include "collector/engine/loop/backlog.h"
#include "collector/engine/loop/request.h"
#include "collector/store/store.h"
#include "core/base/bounded_queue.h"
#include "core/base/clock.h"
#include "core/base/trouble_log.h"

namespace hoptrail::collector::engine {

// The one thread that owns the engine and writes the store. It takes what agents' streams have put
// on the bus, applies it, makes all of it durable in one transaction, and only then acknowledges. A
// store that cannot be written to (full disk) stops it: nothing is acknowledged, streams wait, and
// it tries again until it can.
class EngineLoop {
 public:
  struct Options {
    int64_t silent_after_ns = 60'000'000'000;
    // Silence that is told to the engine, which judges it.
    int64_t heartbeat_timeout_ns = 10'000'000'000;
    // How long the first page of an incident waits: so that what two hosts tell of one step can
    // meet, and longer while hosts are with a backlog. docs/decisions/0013.
    int64_t page_settles_ns = 1'000'000'000;
    int64_t page_held_ns = 30'000'000'000;
    const Clock* clock = &Clock::System();
  };

  // None is owned; all outlive it. Engine and store belong to its thread between Start and Stop; of
  // the bus it is the subscriber.
  EngineLoop(Engine* engine, store::Store* store, bus::FactBus* bus, const Options& options);
  ~EngineLoop();

  // Rebuilds the engine from the store. Before Start.
  absl::Status Restore();
  void Start();
  // Closes the bus, finishes what it holds, within reason, and ends every stream with UNAVAILABLE.
  void Stop();

  // False when too many requests wait or the loop is stopping. Thread-safe.
  bool TryPush(Request request) {
    const bool pushed = requests_.TryPush(std::move(request));
    bus_->Wake();
    return pushed;
  }

  // These wait for the engine's thread. UNAVAILABLE when it does not answer in time, or cannot
  // because of its store. Thread-safe.
  absl::StatusOr<model::Incident> SetIncidentState(const model::IncidentId& incident,
                                                   model::IncidentState state,
                                                   const std::string& who);
  absl::StatusOr<Path> PathOf(const model::SessionId& session);
  // Of a machine with all its boots, the boot is empty. NOT_FOUND; FAILED_PRECONDITION while its
  // agent is connected. What it has told stays, and it is listed again when it connects.
  absl::Status RemoveHost(const model::HostId& host, const std::string& who);

  // It went round within the last `limit`. Thread-safe.
  bool Alive(absl::Duration limit) const;

  // One round without the thread, for tests. False: the queue is closed and empty.
  bool Round(absl::Duration wait);

 private:
  // A disk that was copied with its machine id, or a certificate that was.
  static constexpr char kBothUp[] = "boots of this machine are connected at the same time";

  struct HostEntry {
    std::string host_name;
    std::shared_ptr<bus::AgentSink> sink;
    bool listed = false;
    // When its stream was opened last: orders the boots of a machine. Grows over all hosts.
    int64_t connected_wall_ns = 0;
    store::HostState state = store::HostState::kUnknown;
    int64_t heard_boot_ns = 0;      // when it sent something last
    uint64_t applied = 0;           // of this transaction or an earlier one
    int64_t broken_boot_ns = 0;     // when its stream ended without a goodbye; 0: it did not
    bool heartbeat_missed = false;  // and the engine was given that
    std::optional<model::Interference> silence;  // what was told of it last
    // When a newer boot of the machine was connected; 0: there is none.
    int64_t followed_boot_ns = 0;
    std::vector<model::Degradation> collector_degradations;  // at most one of a kind
    // identity.cc: which agent it is that speaks for the host.
    model::Incarnation confirmed;               // by the agent; durable
    model::Incarnation offered;                 // to the stream that was greeted, or asked, last
    std::optional<bus::StreamOpened> newcomer;  // waits for the agent of `sink` to answer, or not
    int64_t asked_boot_ns = 0;
    int64_t suspected_boot_ns = 0;             // when two agents were seen last; 0: they were not
    std::optional<model::Interference> clone;  // not judged yet: nobody was logged in
  };

  void Run();
  template <typename Result, typename MakeRequest>
  Result Ask(MakeRequest make_request);
  // Refused while the store takes nothing.
  template <typename Result, typename MakeRequest>
  Result Change(MakeRequest make_request);
  void On(bus::StreamOpened& message);
  void On(bus::IncarnationConfirmed& message);
  void On(bus::FactBatch& message);
  void On(bus::AgentStopping& message);
  void On(bus::StreamClosed& message);
  void Answer(SetIncidentStateRequest& request);
  void Answer(RemoveHostRequest& request);
  void Answer(ReconfigureRequest& request);
  void Answer(PathRequest& request);
  // The engine's thread waits for its disk, and says meanwhile what paths it knows; other requests
  // wait for the disk too.
  void AnswerWhileUnwritable(absl::Duration longest);
  void KeepFact(const model::Fact& fact, const model::HostId& host);
  void Heard(const model::HostId& host, HostEntry* entry);
  // hosts.cc: machines and their boots.
  void RestoreHost(const store::HostRow& row);
  void NoteConnected(const model::HostId& host, HostEntry* entry);
  // Of a host that a second agent was told to assume: the machine's newest boot, while its agent is
  // connected; null otherwise.
  const HostEntry* HolderOf(const model::HostId& assumed, const model::BootId& newest) const;
  // A newer boot of its machine was connected, and it is not.
  bool HasEnded(const model::HostId& host, const HostEntry& entry) const;
  // It was up still when the newer boot was connected.
  bool OutlivedNext(const HostEntry& entry, int64_t heard_boot_ns) const;
  void NoteBothUp(const model::HostId& host, HostEntry* entry, bool both);
  void Unlist(const model::HostId& host, HostEntry* entry);
  // What the collector itself finds not to be as it should be. Again the same changes nothing.
  void Degrade(const model::HostId& host, HostEntry* entry, model::DegradationKind kind,
               std::string detail);
  // `detail`: none but this one; empty stands for any.
  void Undegrade(const model::HostId& host, HostEntry* entry, model::DegradationKind kind,
                 absl::string_view detail);
  void ForgetHosts();
  // identity.cc: several agents that speak for one host.
  void Admit(bus::StreamOpened& message, HostEntry* entry);
  static bool IsSuperseded(const bus::StreamOpened& message, const HostEntry& entry);
  model::Incarnation Offer(const bus::StreamOpened& message, HostEntry* entry);
  void AskHolder(bus::StreamOpened& message, HostEntry* entry);
  void Divert(const bus::StreamOpened& message, HostEntry* entry, absl::string_view why);
  void Suspect(const model::HostId& host, HostEntry* entry, const std::string& detail);
  void JudgeHolders();
  void JudgeClones();
  void Tick();
  void FindSilent();
  void ReleasePages();
  void Commit();

  Engine* const engine_;
  store::Store* const store_;
  bus::FactBus* const bus_;
  Options options_;  // what the engine's thread alone reads may change
  BoundedQueue<Request> requests_;
  absl::flat_hash_map<model::HostId, HostEntry> hosts_;
  absl::flat_hash_map<model::MachineId, model::BootId> newest_boot_;  // connected last
  int64_t last_connected_wall_ns_ = 0;
  Backlog backlog_;

  // Of the transaction that is being put together.
  Outcome outcome_;
  store::WriteBatch batch_;
  absl::flat_hash_map<model::HostId, uint64_t> acknowledge_;
  std::vector<std::function<void()>> after_commit_;
  std::vector<Request> put_off_;  // until the disk takes something again
  size_t facts_ = 0;

  absl::BitGen random_;
  int64_t next_tick_boot_ns_ = 0;
  int64_t last_look_boot_ns_ = 0;  // for agents that are silent
  int64_t fair_from_boot_ns_ = 0;  // earlier silence may have been our own
  int64_t next_retention_boot_ns_ = 0;
  TroubleLog store_log_;
  std::atomic<int64_t> alive_boot_ns_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace hoptrail::collector::engine

#endif  // HOPTRAIL_COLLECTOR_ENGINE_LOOP_ENGINE_LOOP_H_
