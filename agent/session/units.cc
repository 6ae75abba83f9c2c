// What sessions are called that are no logins: by their unit, their program, their user.

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "agent/session/correlator.h"
#include "agent/session/program_names.h"

namespace hoptrail::agent::session {
namespace {

constexpr size_t kMaxJobName = 64;

bool IsInterpreter(absl::string_view program) {
  for (absl::string_view name : {"sh", "bash", "dash", "ash", "ksh", "zsh", "env", "ruby", "php"}) {
    if (program == name) return true;
  }
  return absl::StartsWith(program, "python") || absl::StartsWith(program, "perl");
}

// What a person would call it: the script, where an interpreter runs one. Never an argument that
// could be anything else.
std::string JobOf(const model::Image& image) {
  absl::string_view name = BaseName(image.path);
  if (IsInterpreter(name) && image.arguments.size() > 1 &&
      absl::StrContains(image.arguments[1], "/") && !absl::StartsWith(image.arguments[1], "-")) {
    name = BaseName(image.arguments[1]);
  }
  return std::string(name.substr(0, kMaxJobName));
}

}  // namespace

// Whether it is what its first process runs: nobody came in by it, and no cron names it.
bool Correlator::IsProgram(const Node& node) {
  return node.daemon() || (node.session.kind == model::EntryKind::kCron && node.timers_job);
}

// From the session's first process, which runs a program of its own by now.
void Correlator::Describe(Node& node, const process::Process& first) {
  model::Session& session = node.session;
  if (!first.executed || IsManagersHelper(first) || !IsProgram(node)) return;
  const bool service = session.kind != model::EntryKind::kContainer;
  session.program = std::string(first.program());
  session.uid = first.credentials.euid;
  // Other users of a container are in its own list of accounts, not in the host's.
  session.user = service || session.uid == 0 ? users_.Name(session.uid, now_boot_ns()) : "";
  const process::ControlGroup* group = first.control_group();
  if (!service || group == nullptr) return;
  session.unit = process::UnescapeUnit(group->unit);
  if (group->is_service() && options_.has_timer && options_.has_timer(group->unit)) {
    session.kind = model::EntryKind::kCron;
    node.timers_job = true;
  }
}

Node* Correlator::NewJob(process::Process& first, uint32_t uid) {
  const Node* before = NodeOf(first);
  const model::SessionId cause =
      before != nullptr && before->from_remote ? before->session.id : model::SessionId();
  Node* job = NewSession(first, model::EntryKind::kCron);
  job->session.caused_by = cause;
  job->from_remote = !cause.empty();
  job->session.uid = uid;
  job->session.user = users_.Name(uid, now_boot_ns());
  job->session.unit = job->session.user;
  if (job->from_remote) sessions_.Save(*job);
  sessions_.Touch(*job);
  return job;
}

// A job of a cron that neither asks PAM nor sets the audit login: what begins it is a child of the
// topmost cron.
void Correlator::FindJob(process::Process& process) {
  const Node* node = NodeOf(process);
  if (node == nullptr || !node->daemon() || IsCron(process.program())) return;
  process::Process* head = &process;
  process::Process* daemon = processes_.Find(process.parent);
  for (int i = 0; i < 4 && daemon != nullptr && IsCron(daemon->program()); ++i) {
    process::Process* above = processes_.Find(daemon->parent);
    if (above == nullptr || !above->alive() || !IsCron(above->program())) {
      if (daemon->credentials.euid == 0) NewJob(*head, process.credentials.euid);
      return;
    }
    head = daemon;
    daemon = above;
  }
}

// The first program that is not cron's own, nor the shell that cron asks to run the line.
void Correlator::NameJob(Node& node, const model::Image& image) {
  if (node.session.kind != model::EntryKind::kCron || node.timers_job || node.job_named ||
      IsCron(image.path)) {
    return;
  }
  const bool crons_shell = image.arguments.size() > 2 && image.arguments[1] == "-c" &&
                           IsInterpreter(BaseName(image.path));
  if (crons_shell) return;
  node.job_named = true;
  const model::Session& job = node.session;
  node.session.unit =
      absl::StrCat(job.user.empty() ? absl::StrCat("uid ", job.uid) : job.user, "/", JobOf(image));
  sessions_.Touch(node);
}

}  // namespace hoptrail::agent::session
