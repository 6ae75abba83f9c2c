#ifndef HOPTRAIL_AGENT_APP_UNIT_TIMERS_H_
#define HOPTRAIL_AGENT_APP_UNIT_TIMERS_H_

#include <string>
#include <utility>
#include <vector>

#include "core/base/unique_fd.h"

namespace hoptrail::agent::app {

// Which of systemd's services a timer starts: those beside which a timer unit of the same name
// lies, or one of their template (systemd.timer(5); a timer that names another unit is not found).
// Looks names up and reads no file. Thread-safe.
class UnitTimers {
 public:
  // Folders like /etc/systemd, in the order in which the first unit of a name counts. O_PATH will
  // do.
  explicit UnitTimers(std::vector<UniqueFd> folders) : folders_(std::move(folders)) {}

  // `unit`: as systemd writes it, "logrotate.service".
  bool Has(const std::string& unit) const;

 private:
  bool HasFile(const std::string& timer) const;

  std::vector<UniqueFd> folders_;
};

}  // namespace hoptrail::agent::app

#endif  // HOPTRAIL_AGENT_APP_UNIT_TIMERS_H_
