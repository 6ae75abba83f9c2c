#include "agent/supervisor/configuration.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "agent/config/reload.h"
#include "agent/privilege/confine.h"
#include <sys/wait.h>

namespace hoptrail::agent::supervisor {
namespace {

constexpr absl::Duration kCheckWithin = absl::Seconds(10);
constexpr int kBadText = static_cast<int>(LogLevel::kError) + 1;  // exit status of the child
constexpr char kUnchanged[] = "the configuration stays as it was: ";

}  // namespace

Configuration::~Configuration() {
  if (checker_pid_ == 0) return;
  ::kill(checker_pid_, SIGKILL);
  ::waitpid(checker_pid_, nullptr, 0);
}

void Configuration::BeginReload() {
  again_ = checker_pid_ != 0;
  if (again_) return;
  absl::StatusOr<std::string> text = ReadConfiguration(started_.file);
  if (!text.ok()) {
    LogError("supervisor", kUnchanged, text.status().message());
    return;
  }
  checked_ = *std::move(text);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) {
    LogError("supervisor", kUnchanged, absl::ErrnoToStatus(errno, "fork").message());
    return;
  }
  if (pid == 0) ::_exit(privilege::DieWith(parent).ok() ? Check(checked_) : kBadText);
  checker_pid_ = pid;
  check_by_ = SteadyTime::Now() + kCheckWithin;
}

// Logs the result of the check. Returns the text's log level, or kBadText.
int Configuration::Check(const std::string& text) const {
  const absl::StatusOr<Reload> reload = CheckReload(started_, SettingsOf(text_), text);
  if (!reload.ok()) {
    LogError("supervisor", kUnchanged, reload.status().message());
    return kBadText;
  }
  const std::string changed = absl::StrJoin(reload->changed, ", ");
  LogInfo("supervisor", "read ", started_.file, " anew; ",
          changed.empty() ? "nothing in it is different" : absl::StrCat("changed: ", changed),
          "; certificates are read anew");
  if (!reload->needs_restart.empty()) {
    LogWarning("supervisor", "not applied before the agent is started again: ",
               absl::StrJoin(reload->needs_restart, ", "));
  }
  return static_cast<int>(reload->settings.log_level);
}

std::optional<LogLevel> Configuration::OnChildEnd(pid_t pid, int status) {
  if (pid != checker_pid_) return std::nullopt;
  checker_pid_ = 0;
  check_by_ = SteadyTime::InfiniteFuture();
  std::optional<LogLevel> accepted;
  if (!WIFEXITED(status)) {
    LogError("supervisor", kUnchanged, "checking it ", privilege::DescribeEnd(status));
  } else if (WEXITSTATUS(status) < kBadText) {
    accepted = static_cast<LogLevel>(WEXITSTATUS(status));
    if (!on_trial_) before_ = std::move(text_);
    text_ = std::move(checked_);
    on_trial_ = true;
  }
  if (again_) BeginReload();
  return accepted;
}

void Configuration::CheckTime(SteadyTime now) {
  if (now < check_by_) return;
  check_by_ = SteadyTime::InfiniteFuture();
  if (checker_pid_ != 0) ::kill(checker_pid_, SIGKILL);
}

Settings Configuration::SettingsOf(const std::string& text) const {
  if (text.empty()) return started_;
  const absl::StatusOr<Settings> fresh = ParseSettings(text, started_.file);
  if (fresh.ok()) return PlanReload(started_, started_, *fresh).settings;
  LogError("supervisor", fresh.status().message());  // although it was good when it was checked
  return started_;
}

Settings Configuration::ForWorker() const {
  Settings settings = SettingsOf(text_);
  SetLogLevel(settings.log_level);
  return settings;
}

std::string Configuration::WeakenedForWorker() const {
  if (!on_trial_) return "";
  const absl::StatusOr<Settings> fresh = ParseSettings(text_, started_.file);
  if (!fresh.ok()) return "";
  return absl::StrJoin(PlanReload(started_, SettingsOf(before_), *fresh).weakened, ", ");
}

void Configuration::OnWorkerReady() {
  if (worker_on_trial_) on_trial_ = worker_on_trial_ = false;
}

void Configuration::OnWorkerFault() {
  if (!worker_on_trial_) return;
  LogError("supervisor",
           "no worker becomes ready with the new configuration: the one before is used again");
  text_ = std::move(before_);
  on_trial_ = worker_on_trial_ = false;
}

}  // namespace hoptrail::agent::supervisor
