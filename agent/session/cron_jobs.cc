#include "agent/session/cron_jobs.h"

#include "agent/session/program_names.h"

namespace hoptrail::agent::session {
namespace {

// A cron forks at most a few times between its daemon and the job's program.
constexpr int kMaxDepth = 4;

}  // namespace

Node* CronJobs::NewJob(process::Process& first, uint32_t uid) {
  const Node* before = tables_.NodeOf(first);
  const model::SessionId cause =
      before != nullptr && before->from_remote ? before->session.id : model::SessionId();
  Node* job = opener_.NewSession(first, model::EntryKind::kCron);
  job->session.caused_by = cause;
  job->from_remote = !cause.empty();
  job->session.uid = uid;
  job->session.user = tables_.UserName(uid);
  job->session.unit = job->session.user;
  if (job->from_remote) tables_.sessions.Save(*job);
  tables_.sessions.MarkDirty(*job);
  return job;
}

// The job begins with the child of the topmost cron.
void CronJobs::FindJob(process::Process& process) {
  const Node* node = tables_.NodeOf(process);
  if (node == nullptr || !node->daemon() || IsCron(process.program())) return;
  process::Process* head = &process;
  process::Process* daemon = tables_.processes.Find(process.parent);
  for (int i = 0; i < kMaxDepth && daemon != nullptr && IsCron(daemon->program()); ++i) {
    process::Process* above = tables_.processes.Find(daemon->parent);
    if (above == nullptr || !above->alive() || !IsCron(above->program())) {
      if (daemon->credentials.euid == 0) NewJob(*head, process.credentials.euid);
      return;
    }
    head = daemon;
    daemon = above;
  }
}

bool CronJobs::InCronLineage(const process::Process& process) const {
  const process::Process* ancestor = &process;
  for (int i = 0; ancestor != nullptr && i < kMaxDepth; ++i) {
    if (IsCron(ancestor->program())) return true;
    ancestor = tables_.processes.Find(ancestor->parent);
  }
  return false;
}

}  // namespace hoptrail::agent::session
