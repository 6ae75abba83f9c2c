#include "agent/stop/service_command.h"

#include <fnmatch.h>

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

#include "core/base/path.h"

namespace hoptrail::agent {
namespace {

constexpr absl::string_view kService = ".service";
// The name that people use where the agent has no unit of its own.
constexpr absl::string_view kOwnName = "hoptrail-agent";

template <typename Words>
bool IsOneOf(absl::string_view word, const Words& words) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

// Verbs of systemctl that stop the named units, and verbs that stop all others.
constexpr absl::string_view kEnds[] = {"stop",
                                       "kill",
                                       "restart",
                                       "try-restart",
                                       "condrestart",
                                       "reload-or-restart",
                                       "try-reload-or-restart",
                                       "force-reload",
                                       "disable",
                                       "mask"};
constexpr absl::string_view kEndsOthers[] = {"isolate", "rescue", "emergency", "default"};

// Whether an argument of systemctl names the unit, as a name or a pattern. A slice counts as naming
// all of its units.
bool Names(const std::string& argument, const std::string& unit) {
  if (absl::EndsWith(argument, ".slice")) return true;
  const bool whole = absl::StrContains(BaseName(argument), '.');
  return ::fnmatch((whole ? argument : argument + std::string(kService)).c_str(), unit.c_str(),
                   0) == 0 ||
         ::fnmatch(argument.c_str(), unit.c_str(), 0) == 0;
}

bool SystemctlEnds(const std::vector<std::string>& arguments, const std::string& unit) {
  bool ends = false;
  for (size_t i = 1; i < arguments.size(); ++i) {
    if (IsOneOf(arguments[i], kEndsOthers)) return true;
    if (ends && Names(arguments[i], unit)) return true;
    ends = ends || IsOneOf(arguments[i], kEnds);
  }
  return false;
}

// Any other program with both the unit's name and a word for stopping it among its arguments: a
// client of the bus, `service`, a shell that runs one of them.
bool MessageEnds(const std::vector<std::string>& arguments, absl::string_view name) {
  // This runs for every program that starts; nearly all end here.
  const auto names = [&](const std::string& argument) { return absl::StrContains(argument, name); };
  if (std::none_of(arguments.begin(), arguments.end(), names)) return false;
  return std::any_of(arguments.begin(), arguments.end(), [](const std::string& argument) {
    constexpr absl::string_view kWords[] = {"stop",    "Stop",    "kill",    "Kill",
                                            "restart", "Restart", "isolate", "Isolate"};
    return std::any_of(std::begin(kWords), std::end(kWords),
                       [&](absl::string_view word) { return absl::StrContains(argument, word); });
  });
}

// The name of the agent's container is not known here, so any stop command counts.
bool RuntimeEnds(absl::string_view program, const std::vector<std::string>& arguments) {
  constexpr absl::string_view kClients[] = {"docker", "podman", "nerdctl", "ctr", "crictl",
                                            "runc",   "crun",   "kubectl", "k3s"};
  constexpr absl::string_view kWords[] = {"stop",   "stopp", "kill",   "rm",    "rmp",    "restart",
                                          "delete", "drain", "cordon", "scale", "rollout"};
  return IsOneOf(program, kClients) &&
         std::any_of(arguments.begin(), arguments.end(),
                     [&](const std::string& word) { return IsOneOf(word, kWords); });
}

}  // namespace

bool MayStopService(const model::Image& image, const std::string& unit) {
  const absl::string_view program = BaseName(image.path);
  if (program == "systemctl") {
    return SystemctlEnds(image.arguments, unit.empty() ? absl::StrCat(kOwnName, kService) : unit);
  }
  if (unit.empty() && RuntimeEnds(program, image.arguments)) return true;
  return MessageEnds(image.arguments, unit.empty() ? kOwnName : absl::StripSuffix(unit, kService));
}

}  // namespace hoptrail::agent
