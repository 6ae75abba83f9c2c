#ifndef HOPTRAIL_AGENT_SESSION_SESSION_NAMING_H_
#define HOPTRAIL_AGENT_SESSION_SESSION_NAMING_H_

#include <functional>
#include <string>
#include <utility>

#include "agent/session/host_tables.h"

namespace hoptrail::agent::session {

// What sessions that are no logins are called: by their unit, their program, their user. Not
// thread-safe.
class SessionNaming {
 public:
  // `has_timer`: whether a timer starts the unit, by its name as systemd writes it. May be empty.
  SessionNaming(std::function<bool(const std::string& unit)> has_timer, HostTables* tables)
      : has_timer_(std::move(has_timer)), tables_(*tables) {}

  // Whether the session is what its first process runs: nobody came in by it, and no cron names it.
  static bool IsProgram(const Node& node);
  // From the session's first process, which runs a program of its own by now.
  void Describe(Node& node, const process::Process& first);
  // A job by the program that it runs.
  void NameJob(Node& node, const model::Image& image);

 private:
  const std::function<bool(const std::string& unit)> has_timer_;
  HostTables& tables_;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_SESSION_NAMING_H_
