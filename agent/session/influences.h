#ifndef HOPTRAIL_AGENT_SESSION_INFLUENCES_H_
#define HOPTRAIL_AGENT_SESSION_INFLUENCES_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "agent/process/process_table.h"
#include "agent/session/session_set.h"
#include "core/model/driver.h"

namespace hoptrail::agent::session {

enum class InfluenceKind : uint8_t {
  kTerminal,  // attached to a terminal multiplexer: its processes run what is typed
  kSshMux,    // uses the connection of an ssh master
  kSocket,    // connected to a UNIX socket of the process
  kMemory,    // may have written the memory of the process; lasts as long as its session
};

// One session acts on a process of another session, or of its own: then it shares that process with
// the others.
struct Influence {
  InfluenceKind kind = InfluenceKind::kSocket;
  model::SessionId session;  // of `actor`
  model::ProcessKey actor;   // with its end ends the influence, except kMemory
  std::string method;        // for people, as Driver::method
  uint64_t since_boot_ns = 0;
};

// Adds a driver; of two with the same connection and session the likelier one stays.
void AddDriver(model::Driver driver, model::Drivers* drivers);
// `drivers` and `more`, in which a driver replaces that of the same connection and session: keeps
// the likeliest, and scales all so that something is left for the session's own login.
model::Drivers MergeDrivers(const model::Drivers& drivers, model::Drivers more);

// Which sessions act on which processes. Bounded: the oldest are forgotten. Not thread-safe.
class Influences {
 public:
  static constexpr size_t kMaxTargets = 4'096;
  static constexpr size_t kMaxOfTarget = 8;

  // Both outlive it.
  Influences(process::ProcessTable* processes, SessionSet* sessions)
      : processes_(*processes), sessions_(*sessions) {}

  void Add(const model::ProcessKey& target, Influence influence);

  // The sessions that act on the process, or on one of its ancestors, at that time. Empty for most.
  model::Drivers DriversOf(const model::ProcessKey& process, uint64_t boot_ns) const {
    return targets_.empty() ? model::Drivers() : Find(process, boot_ns);
  }
  // Forgets influences that are over.
  void Age(uint64_t now_boot_ns);

  size_t size() const { return targets_.size(); }

 private:
  struct Target {
    model::SessionId session;
    std::vector<Influence> influences;
  };

  model::Drivers Find(const model::ProcessKey& process, uint64_t boot_ns) const;
  void Collect(const model::ProcessKey& key, const Target& target, uint64_t boot_ns,
               model::Drivers* drivers) const;
  bool Acts(const Influence& influence, uint64_t boot_ns) const;
  bool HasOwnUser(const model::ProcessKey& key, InfluenceKind kind) const;

  process::ProcessTable& processes_;
  SessionSet& sessions_;
  absl::flat_hash_map<model::ProcessKey, Target> targets_;
  std::deque<model::ProcessKey> order_;  // of insertion
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_INFLUENCES_H_
