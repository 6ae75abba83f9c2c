#ifndef HOPTRAIL_AGENT_SESSION_CONTAINER_INDEX_H_
#define HOPTRAIL_AGENT_SESSION_CONTAINER_INDEX_H_

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"

#include "agent/process/process_table.h"
#include "agent/session/session_set.h"

namespace hoptrail::agent::session {

// Which session a container has, by what its runtime calls it or else by its pid namespace. Not
// thread-safe.
class ContainerIndex {
 public:
  // `host_pid_namespace`: processes in it are in no container.
  ContainerIndex(uint32_t host_pid_namespace, SessionSet* sessions)
      : host_pid_namespace_(host_pid_namespace), sessions_(sessions) {}

  // What the runtime calls the process's container, or else its pid namespace. Empty outside.
  std::string NameOf(const process::Process& process) const;
  // As /proc/PID/ns/pid shows it; empty in the host's.
  std::string PidNamespaceOf(const process::Process& process) const;

  // Null where it has no session, or only one that is over: numbers of namespaces are used again.
  Node* FindOpen(const std::string& name) const;
  // The session is that container's. `first`: its first process.
  void Set(Node& node, const process::Process& first, const std::string& name);
  void Restore(const model::Session& session) { sessions_by_name_[session.unit] = session.id; }
  // Forgets containers that are over, where there are many.
  void ForgetClosed();

 private:
  const uint32_t host_pid_namespace_;
  SessionSet* const sessions_;
  absl::flat_hash_map<std::string, model::SessionId> sessions_by_name_;
};

// Whether a runtime has put the process into a container's control group.
bool NamedByRuntime(const process::Process& process);

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_CONTAINER_INDEX_H_
