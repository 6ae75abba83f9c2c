#ifndef HOPTRAIL_AGENT_SESSION_HOST_TABLES_H_
#define HOPTRAIL_AGENT_SESSION_HOST_TABLES_H_

#include <cstdint>

#include "agent/process/process_table.h"
#include "agent/session/connection_table.h"
#include "agent/session/drivers.h"
#include "agent/session/event_emitter.h"
#include "agent/session/influences.h"
#include "agent/session/session_set.h"
#include "agent/session/state_store.h"
#include "agent/session/user_names.h"
#include "core/base/clock.h"
#include "core/model/ids.h"

namespace hoptrail::agent::session {

// The tables of one host that the parts of the session stage share, and the time of the event that
// is being handled. Not thread-safe.
struct HostTables {
  struct Options {
    model::HostId host;
    const Clock* clock = nullptr;
    StateStore* store = nullptr;  // may be null
    process::ProcessTable::Options processes;
    size_t max_connections = 65'536;
    UserResolver user_resolver;  // reads /etc/passwd if empty
    uint32_t host_pid_namespace = 0xEFFFFFFC;
    EventSink* sink = nullptr;  // may be null
  };

  explicit HostTables(const Options& options)
      : host(options.host),
        clock(options.clock),
        store(options.store),
        host_pid_namespace(options.host_pid_namespace),
        processes(options.processes),
        sessions({.host = options.host, .clock = options.clock, .store = options.store}),
        connections(options.max_connections),
        drivers(&connections, &processes),
        influences(&processes, &sessions),
        emitter({.clock = options.clock,
                 .processes = &processes,
                 .sessions = &sessions,
                 .connections = &connections,
                 .sink = options.sink}),
        users(options.user_resolver ? options.user_resolver : PasswdFileResolver()) {}

  Node* NodeOf(const process::Process& process) { return sessions.Find(process.session); }
  int64_t now_wall_ns() const { return clock->WallFromBoot(now_boot_ns); }
  bool InContainer(const process::Process& process) const {
    const process::ControlGroup* group = process.control_group();
    const uint32_t own = process.namespaces.pid;
    return (group != nullptr && !group->container.empty()) ||
           (process.own_events && own != 0 && own != host_pid_namespace);
  }
  std::string UserName(uint32_t uid) { return users.Name(uid, now_boot_ns); }

  const model::HostId host;
  const Clock* const clock;
  StateStore* const store;
  const uint32_t host_pid_namespace;
  process::ProcessTable processes;
  SessionSet sessions;
  ConnectionTable connections;
  Drivers drivers;
  Influences influences;  // which sessions act on processes of others
  EventEmitter emitter;
  UserNames users;
  uint64_t now_boot_ns = 0;  // time of the event that is being handled
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_HOST_TABLES_H_
