#ifndef HOPTRAIL_AGENT_PROCESS_CONTROL_GROUP_H_
#define HOPTRAIL_AGENT_PROCESS_CONTROL_GROUP_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace hoptrail::agent::process {

// The container and the unit that the names of a process's control groups show. Service managers,
// container runtimes and anybody else who may create groups choose these names. They are for people
// to read: no decision about trust may rest on them.
struct ControlGroup {
  static constexpr size_t kMaxName = 255;

  // The runtime's own name for the innermost container: docker's, CRI's and podman's id (64
  // hexadecimal digits), LXC's and systemd-nspawn's name. Empty outside containers.
  std::string container;
  // The innermost systemd unit outside any container: "nginx.service", "session-3.scope". As
  // systemd writes it, including escapes. Empty if there is none.
  std::string unit;

  bool is_service() const;
  bool empty() const { return container.empty() && unit.empty(); }
  bool operator==(const ControlGroup&) const = default;
};

// Reads all paths of one process, one for each hierarchy (cgroup version 2, version 1 or both). The
// names in the result are printable ASCII and at most kMaxName bytes long.
ControlGroup ReadControlGroups(const std::vector<std::string>& paths);

// A unit's name for people to read: "dev-disk-by\x2duuid.mount" becomes "dev-disk-by-uuid.mount".
// Keeps the escapes of slashes, backslashes and bytes that are not printable ASCII.
std::string UnescapeUnit(absl::string_view unit);

}  // namespace hoptrail::agent::process

#endif  // HOPTRAIL_AGENT_PROCESS_CONTROL_GROUP_H_
