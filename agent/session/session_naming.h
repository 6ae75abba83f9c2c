#ifndef HOPTRAIL_AGENT_SESSION_SESSION_NAMING_H_
#define HOPTRAIL_AGENT_SESSION_SESSION_NAMING_H_

#include <functional>
#include <string>
#include <utility>

#include "agent/session/host_tables.h"

namespace hoptrail::agent::session {

// Names the sessions of services, containers and jobs: unit, program and user. Not thread-safe.
class SessionNaming {
 public:
  // `has_timer`: whether a timer starts the unit, whose name is as systemd writes it. May be empty.
  SessionNaming(std::function<bool(const std::string& unit)> has_timer, HostTables* tables)
      : has_timer_(std::move(has_timer)), tables_(*tables) {}

  // Whether the session is named by the program of its first process: it is neither a login nor the
  // job of a cron.
  static bool IsProgram(const Node& node);
  // Names the session by its first process, once that has executed a program of its own.
  void Describe(Node& node, const process::Process& first);
  // To be called when a process of the session has ended, while it is still a member. A runtime may
  // begin a container with helpers that end when they have forked the container's own first
  // process: the oldest process that they leave names the session.
  void PassOn(Node& node, const process::Process& ended);
  // Names a cron's job by the program that it executes.
  void NameJob(Node& node, const model::Image& image);

 private:
  const std::function<bool(const std::string& unit)> has_timer_;
  HostTables& tables_;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_SESSION_NAMING_H_
