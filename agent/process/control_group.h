#ifndef HOPTRAIL_AGENT_PROCESS_CONTROL_GROUP_H_
#define HOPTRAIL_AGENT_PROCESS_CONTROL_GROUP_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace hoptrail::agent::process {

// What the names of a process's control groups say about who started it. The names are chosen by
// service managers and container runtimes, and by whoever may make groups: words for people, which
// no decision about trust rests on.
struct ControlGroup {
  static constexpr size_t kMaxName = 255;

  // The innermost container's, as its runtime calls it: docker's, CRI's and podman's id (64
  // hexadecimal digits), LXC's and systemd-nspawn's name. Empty outside of containers.
  std::string container;
  // The innermost unit of systemd outside of containers that the process is in: "nginx.service",
  // "session-3.scope". As systemd writes it, escapes included. Empty where there is none.
  std::string unit;

  bool is_service() const;
  bool empty() const { return container.empty() && unit.empty(); }
  bool operator==(const ControlGroup&) const = default;
};

// Of a process's groups, one path a hierarchy (version 2's, version 1's or both): what any of them
// says. Every name is printable ASCII and at most kMaxName bytes.
ControlGroup ReadControlGroups(const std::vector<std::string>& paths);

// A unit's name for people: "dev-disk-by\x2duuid.mount" becomes "dev-disk-by-uuid.mount". Escapes
// of what is not printable ASCII, and of slashes and backslashes, stay.
std::string UnescapeUnit(absl::string_view unit);

}  // namespace hoptrail::agent::process

#endif  // HOPTRAIL_AGENT_PROCESS_CONTROL_GROUP_H_
