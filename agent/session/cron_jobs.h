#ifndef HOPTRAIL_AGENT_SESSION_CRON_JOBS_H_
#define HOPTRAIL_AGENT_SESSION_CRON_JOBS_H_

#include <cstdint>

#include "agent/session/host_tables.h"
#include "agent/session/session_opener.h"

namespace hoptrail::agent::session {

// Opens the sessions of scheduled jobs that a cron daemon starts. Not thread-safe.
class CronJobs {
 public:
  // Both outlive it.
  CronJobs(SessionOpener* opener, HostTables* tables) : tables_(*tables), opener_(*opener) {}

  // `first` begins a job of the user `uid`.
  Node* NewJob(process::Process& first, uint32_t uid);
  // Opens the job of a cron that neither uses PAM nor sets the audit login, if the process, which
  // has just executed a program, is part of one.
  void FindJob(process::Process& process);
  // Whether the process is a cron, or a cron is among its closest ancestors.
  bool InCronLineage(const process::Process& process) const;

 private:
  HostTables& tables_;
  SessionOpener& opener_;
};

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_CRON_JOBS_H_
