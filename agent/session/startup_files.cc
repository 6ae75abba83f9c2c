#include "agent/session/startup_files.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace hoptrail::agent::session {
namespace {

bool IsOneOf(absl::string_view name, std::initializer_list<absl::string_view> names) {
  for (absl::string_view each : names) {
    if (name == each) return true;
  }
  return false;
}

bool IsShellsFile(absl::string_view name) {
  return IsOneOf(name, {".bashrc", ".bash_profile", ".bash_login", ".profile", ".zshrc", ".zshenv",
                        ".zprofile", ".zlogin", ".kshrc", ".cshrc", ".tcshrc", ".login"});
}

// "nginx.service" of "nginx.service", "nginx.timer" and "nginx.service.d".
std::string UnitOf(absl::string_view name) {
  absl::ConsumeSuffix(&name, ".d");
  if (absl::EndsWith(name, ".service")) return std::string(name);
  if (absl::ConsumeSuffix(&name, ".timer")) return absl::StrCat(name, ".service");
  return "";
}

StartupFile Unit(std::string unit) {
  if (unit.empty()) return {};
  return {RunBy::kUnit, std::move(unit)};
}

}  // namespace

StartupFile StartupFileAt(absl::string_view path) {
  const std::vector<absl::string_view> parts = absl::StrSplit(path, '/', absl::SkipEmpty());
  const size_t count = parts.size();
  if (count < 2) return {};
  const absl::string_view name = parts[count - 1];
  const absl::string_view directory = parts[count - 2];
  const absl::string_view above = count > 2 ? parts[count - 3] : absl::string_view();
  if (IsShellsFile(name)) return {RunBy::kLoginsOfUser, std::string(directory)};
  if (directory == ".ssh") {
    if (IsOneOf(name, {"rc", "environment"})) return {RunBy::kLoginsOfUser, std::string(above)};
    if (IsOneOf(name, {"authorized_keys", "authorized_keys2"}))
      return {RunBy::kKeyLogins, std::string(above)};
    return {};
  }
  if (directory == "crontabs" || (directory == "cron" && above == "spool"))
    return {RunBy::kJobsOfUser, std::string(name)};
  if (directory == "atjobs" || (directory == "at" && above == "spool")) return {RunBy::kAtJobs, ""};
  if (absl::StartsWith(directory, "cron.") ||
      (directory == "etc" && IsOneOf(name, {"crontab", "anacrontab"})))
    return {RunBy::kAllJobs, ""};
  if (directory == "profile.d" ||
      (directory == "etc" && IsOneOf(name, {"profile", "bash.bashrc", "bashrc", "environment"})) ||
      (directory == "ssh" && name == "sshrc"))
    return {RunBy::kAllLogins, ""};
  if (directory == "system" && above == "systemd") return Unit(UnitOf(name));
  if (above == "system" && absl::EndsWith(directory, ".d")) return Unit(UnitOf(directory));
  return {};
}

}  // namespace hoptrail::agent::session
