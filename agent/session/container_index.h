#ifndef HOPTRAIL_AGENT_SESSION_CONTAINER_INDEX_H_
#define HOPTRAIL_AGENT_SESSION_CONTAINER_INDEX_H_

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"

#include "agent/process/process_table.h"
#include "agent/session/session_set.h"

namespace hoptrail::agent::session {

// The sessions of containers, by the runtime's name for the container and by its pid namespace. Not
// thread-safe.
class ContainerIndex {
 public:
  // `host_pid_namespace`: processes in it are in no container.
  ContainerIndex(uint32_t host_pid_namespace, SessionSet* sessions)
      : host_pid_namespace_(host_pid_namespace), sessions_(sessions) {}

  // The runtime's name for the process's container; without one, its pid namespace. Empty if the
  // process is in no container.
  std::string NameOf(const process::Process& process) const;
  // As /proc/PID/ns/pid shows it; empty for the host's namespace.
  std::string PidNamespaceOf(const process::Process& process) const;

  // Null if the container has no open session. The kernel reuses the numbers of namespaces, so a
  // closed session may be that of another container.
  Node* FindOpen(const std::string& name) const;
  // `node` is the session of that container, `first` its first process.
  void Set(Node& node, const process::Process& first, const std::string& name);
  void Restore(const model::Session& session) { sessions_by_name_[session.unit] = session.id; }
  // Forgets containers whose session is closed, once there are many.
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
