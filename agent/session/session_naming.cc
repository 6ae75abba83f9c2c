#include "agent/session/session_naming.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

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

bool SessionNaming::IsProgram(const Node& node) {
  return node.daemon() || (node.session.kind == model::EntryKind::kCron && node.timers_job);
}

void SessionNaming::Describe(Node& node, const process::Process& first) {
  model::Session& session = node.session;
  if (!first.executed || IsManagersHelper(first) || !IsProgram(node)) return;
  const bool service = session.kind != model::EntryKind::kContainer;
  session.program = std::string(first.program());
  session.uid = first.credentials.euid;
  // Other users of a container are in its own list of accounts, not in the host's.
  session.user = service || session.uid == 0 ? tables_.UserName(session.uid) : "";
  const process::ControlGroup* group = first.control_group();
  if (!service || group == nullptr) return;
  session.unit = process::UnescapeUnit(group->unit);
  if (group->is_service() && has_timer_ && has_timer_(group->unit)) {
    session.kind = model::EntryKind::kCron;
    node.timers_job = true;
  }
}

// The first program that is not cron's own, nor the shell that cron asks to run the line.
void SessionNaming::NameJob(Node& node, const model::Image& image) {
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
  tables_.sessions.MarkDirty(node);
}

}  // namespace hoptrail::agent::session
