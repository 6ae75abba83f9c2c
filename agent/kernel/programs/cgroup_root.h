#ifndef HOPTRAIL_AGENT_KERNEL_PROGRAMS_CGROUP_ROOT_H_
#define HOPTRAIL_AGENT_KERNEL_PROGRAMS_CGROUP_ROOT_H_

#include "absl/status/statusor.h"

#include "core/base/unique_fd.h"

namespace hoptrail::agent::kernel {

// The root of the host's cgroup hierarchy of version 2, which contains every socket. It is opened
// where it is usually mounted, also as process 1 sees it, or else in a private mount without a
// path. NOT_FOUND where only a container's own root, a part of the hierarchy, is visible.
absl::StatusOr<UniqueFd> OpenRootCgroup();

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PROGRAMS_CGROUP_ROOT_H_
