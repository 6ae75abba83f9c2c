#ifndef HOPTRAIL_AGENT_SESSION_SESSION_ASSIGNMENT_H_
#define HOPTRAIL_AGENT_SESSION_SESSION_ASSIGNMENT_H_

#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "agent/session/container_index.h"
#include "agent/session/host_tables.h"
#include "agent/session/session_naming.h"

namespace hoptrail::agent::session {

// Which session a process is in, where no connection and no login decides: its parent's, but for
// the beginnings of services, containers and jobs. Not thread-safe.
class SessionAssignment {
 public:
  SessionAssignment(uint32_t host_pid_namespace,
                    std::function<bool(const std::string& unit)> has_timer, HostTables* tables);

  // Remembers what the last run of the agent knew.
  void Restore(const SavedState& saved);
  bool WasSaved(const model::ProcessKey& process) const { return saved_members_.contains(process); }
  // The first snapshot is over: forgets what was saved of processes that have ended.
  void ForgetSaved();

  // `first` begins a session: it and what has come of it since leave the one that they were in.
  Node* NewSession(process::Process& first, model::EntryKind kind);
  Node* NewJob(process::Process& first, uint32_t uid);
  // `head` and its descendants in the same session.
  void MoveSubtree(process::Process& head, Node& node);

  // The process and those of its ancestors that have no session, the topmost first.
  std::vector<process::Process*> UnassignedChain(process::Process& process);
  // Finds the session of a process whose fork was not seen, and whose parent has its own.
  void Assign(process::Process& process);

  // Moves the process into its container's session if it is in another one.
  void FollowContainer(process::Process& process);
  // A job of a cron that neither asks PAM nor sets the audit login.
  void FindJob(process::Process& process);
  // Whether it is a cron's, or a cron has started it.
  bool InCronLineage(const process::Process& process);

  SessionNaming& naming() { return naming_; }
  void ForgetClosedContainers() { containers_.ForgetClosed(); }

 private:
  bool MayCauseContainer(Node& node) const;

  HostTables& tables_;
  SessionNaming naming_;
  ContainerIndex containers_;
  absl::flat_hash_map<model::ProcessKey, model::SessionId> saved_members_;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_SESSION_ASSIGNMENT_H_
