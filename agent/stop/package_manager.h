#ifndef HOPTRAIL_AGENT_STOP_PACKAGE_MANAGER_H_
#define HOPTRAIL_AGENT_STOP_PACKAGE_MANAGER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "agent/process/process_table.h"
#include "agent/session/enriched_event.h"

namespace hoptrail::agent {

// Recognizes the system's package managers by their executable and not by its name: the process
// runs, as root, the file that the agent itself finds at the package manager's path, which belongs
// to root and which nobody else may write. In a container the agent finds other files than the
// host's processes run, so that it recognizes none.
class PackageManagers {
 public:
  // dpkg, rpm and others that run packages' scripts as their children. Package managers that are
  // scripts (dnf, unattended-upgrade) run one of these, or are not recognized.
  PackageManagers();
  // `paths`: absolute, in place of these. `owner`: of their files, in place of root.
  PackageManagers(std::vector<std::string> paths, uint32_t owner)
      : paths_(std::move(paths)), owner_(owner) {}

  // The path of the nearest package manager among the ancestors; empty if there is none. Looks at
  // the files each time, so that an upgraded package manager is recognized.
  std::string Find(const process::Process& process, const session::Lineage& lineage) const;

 private:
  bool Runs(const process::Process& process, const std::string& path) const;

  const std::vector<std::string> paths_;
  const uint32_t owner_ = 0;
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_STOP_PACKAGE_MANAGER_H_
