#ifndef HOPTRAIL_AGENT_SESSION_SESSION_ASSIGNMENT_H_
#define HOPTRAIL_AGENT_SESSION_SESSION_ASSIGNMENT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "agent/session/container_sessions.h"
#include "agent/session/cron_jobs.h"
#include "agent/session/host_tables.h"
#include "agent/session/session_naming.h"
#include "agent/session/session_opener.h"

namespace hoptrail::agent::session {

// Assigns processes to sessions where neither a connection nor a login decides: to the session of
// the parent, of the session tag, of the audit session or of the container, or else to a new
// service. Owns the parts that open services, containers and jobs. Not thread-safe.
class SessionAssignment {
 public:
  // `has_timer`: see SessionNaming. `tables` outlives it.
  SessionAssignment(uint32_t host_pid_namespace,
                    std::function<bool(const std::string& unit)> has_timer, HostTables* tables);

  SessionAssignment(const SessionAssignment&) = delete;
  SessionAssignment& operator=(const SessionAssignment&) = delete;

  // Takes over what the previous run of the agent has saved.
  void Restore(const SavedState& saved);
  bool WasSaved(const model::ProcessKey& process) const { return saved_members_.contains(process); }
  // The first snapshot is complete: forgets the saved processes, and removes those from the store
  // that have ended.
  void ForgetSaved();

  // The process and those of its ancestors that have no session, the topmost first.
  std::vector<process::Process*> UnassignedChain(process::Process& process);
  // Finds the session of a process whose fork was not seen. Its parent must have a session.
  void Assign(process::Process& process);

  SessionNaming& naming() { return naming_; }
  SessionOpener& opener() { return opener_; }
  ContainerSessions& containers() { return containers_; }
  CronJobs& jobs() { return jobs_; }

 private:
  HostTables& tables_;
  SessionNaming naming_;
  SessionOpener opener_;
  ContainerSessions containers_;
  CronJobs jobs_;
  absl::flat_hash_map<model::ProcessKey, model::SessionId> saved_members_;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_SESSION_ASSIGNMENT_H_
