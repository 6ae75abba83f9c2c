#include "agent/session/session_naming.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "agent/session/program_names.h"

namespace hoptrail::agent::session {
namespace {

constexpr size_t kMaxJobName = 64;

// A runtime's helpers end within milliseconds. Processes that end later are the container's own.
constexpr uint64_t kHelpersEndWithinNs = 10'000'000'000;

bool IsInterpreter(absl::string_view program) {
  for (absl::string_view name : {"sh", "bash", "dash", "ash", "ksh", "zsh", "env", "ruby", "php"}) {
    if (program == name) return true;
  }
  return absl::StartsWith(program, "python") || absl::StartsWith(program, "perl");
}

// The name that a person would use: the program, or the script that an interpreter runs. Never
// another argument, which could contain anything.
std::string JobName(const model::Image& image) {
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
  // A container has its own accounts, so the host's name of another uid would be wrong.
  session.user = service || session.uid == 0 ? tables_.UserName(session.uid) : "";
  const process::ControlGroup* group = first.control_group();
  if (!service || group == nullptr) return;
  session.unit = process::UnescapeUnit(group->unit);
  if (group->is_service() && has_timer_ && has_timer_(group->unit)) {
    session.kind = model::EntryKind::kCron;
    node.timers_job = true;
  }
}

void SessionNaming::PassOn(Node& node, const process::Process& ended) {
  if (node.session.kind != model::EntryKind::kContainer || node.named_by != ended.key ||
      ended.exited_boot_ns > node.session.opened_boot_ns + kHelpersEndWithinNs) {
    return;
  }
  const process::Process* oldest = nullptr;
  for (const model::ProcessKey& key : node.members) {
    const process::Process* member = key == ended.key ? nullptr : tables_.processes.Find(key);
    if (member == nullptr || !member->alive()) continue;
    if (oldest == nullptr || member->key.start_boot_ns < oldest->key.start_boot_ns) oldest = member;
  }
  if (oldest == nullptr) return;
  node.named_by = oldest->key;
  node.own_program = oldest->executed;
  node.programs = 0;
  Describe(node, *oldest);
  tables_.sessions.MarkDirty(node);
}

// The first program that is neither cron itself nor the shell that cron starts to run the line.
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
  node.session.unit = absl::StrCat(job.user.empty() ? absl::StrCat("uid ", job.uid) : job.user, "/",
                                   JobName(image));
  tables_.sessions.MarkDirty(node);
}

}  // namespace hoptrail::agent::session
