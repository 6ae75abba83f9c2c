#ifndef HOPTRAIL_AGENT_KERNEL_MOUNT_VIEWS_H_
#define HOPTRAIL_AGENT_KERNEL_MOUNT_VIEWS_H_

#include <string>
#include <vector>

namespace hoptrail::agent::kernel {

// The roots of the file systems that running processes see, one path each, to be put before an
// absolute path; our own, "", first. Takes a look at every process: some milliseconds.
std::vector<std::string> MountViews();

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_MOUNT_VIEWS_H_
