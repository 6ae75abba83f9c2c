#ifndef HOPTRAIL_AGENT_LOADER_UNIT_TIMERS_H_
#define HOPTRAIL_AGENT_LOADER_UNIT_TIMERS_H_

#include <string>
#include <utility>
#include <vector>

#include "core/base/unique_fd.h"

namespace hoptrail::agent {

// Which of systemd's services a timer starts: those beside which a timer unit of the same name
// lies, or one of their template (systemd.timer(5); a timer that names another unit is not found).
// Looks names up and reads no file. Thread-safe.
class UnitTimers {
 public:
  // Directories like /etc/systemd, in the order in which the first unit of a name counts. O_PATH
  // will do.
  explicit UnitTimers(std::vector<UniqueFd> directories) : directories_(std::move(directories)) {}

  // `unit`: as systemd writes it, "logrotate.service".
  bool Has(const std::string& unit) const;

 private:
  bool HasFile(const std::string& timer) const;

  std::vector<UniqueFd> directories_;
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_LOADER_UNIT_TIMERS_H_
