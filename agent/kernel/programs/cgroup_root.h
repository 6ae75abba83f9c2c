#ifndef HOPTRAIL_AGENT_KERNEL_PROGRAMS_CGROUP_ROOT_H_
#define HOPTRAIL_AGENT_KERNEL_PROGRAMS_CGROUP_ROOT_H_

#include "absl/status/statusor.h"

#include "core/base/unique_fd.h"

namespace hoptrail::agent::kernel {

// The root of the host's version 2 cgroup hierarchy, which every socket is under. Found where it is
// usually mounted, also as process 1 sees it, or else mounted privately, at no place in the file
// system. A container's own root, which is only a part of the host's, is refused: NOT_FOUND.
absl::StatusOr<UniqueFd> OpenRootCgroup();

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PROGRAMS_CGROUP_ROOT_H_
