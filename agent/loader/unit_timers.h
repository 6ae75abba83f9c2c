#ifndef HOPTRAIL_AGENT_LOADER_UNIT_TIMERS_H_
#define HOPTRAIL_AGENT_LOADER_UNIT_TIMERS_H_

#include <string>
#include <utility>
#include <vector>

#include "core/base/unique_fd.h"

namespace hoptrail::agent::loader {

// Finds out which of systemd's services are started by a timer: those with a timer unit of the same
// name, or of their template (systemd.timer(5)). A timer for a unit of another name is not found.
// Looks file names up and reads no file. Thread-safe.
class UnitTimers {
 public:
  // Directories like /etc/systemd, opened with O_PATH or for reading. If several have
  // a unit of that name, the first directory's counts.
  explicit UnitTimers(std::vector<UniqueFd> directories) : directories_(std::move(directories)) {}

  // Whether a timer starts `unit`: "logrotate.service".
  bool Has(const std::string& unit) const;

 private:
  bool HasFile(const std::string& timer) const;

  std::vector<UniqueFd> directories_;
};

}  // namespace hoptrail::agent::loader

#endif  // HOPTRAIL_AGENT_LOADER_UNIT_TIMERS_H_
