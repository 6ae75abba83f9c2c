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
    EventSink* sink = nullptr;   // may be null
  };

  explicit HostTables(const Options& options)
      : host(options.host),
        clock(options.clock),
        store(options.store),
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
  std::string UserName(uint32_t uid) { return users.Name(uid, now_boot_ns); }

  const model::HostId host;
  const Clock* const clock;
  StateStore* const store;
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
