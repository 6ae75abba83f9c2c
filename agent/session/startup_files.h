#ifndef HOPTRAIL_AGENT_SESSION_STARTUP_FILES_H_
#define HOPTRAIL_AGENT_SESSION_STARTUP_FILES_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace hoptrail::agent::session {

// The sessions that run what is in a file.
enum class RunBy : uint8_t {
  kNobody,
  kLoginsOfUser,  // .bashrc, .ssh/rc: `name` is the directory of the home
  kKeyLogins,     // .ssh/authorized_keys, which may name a command: the same
  kAllLogins,     // /etc/profile
  kJobsOfUser,    // a user's crontab: `name` is the user
  kAllJobs,       // /etc/cron.d
  kAtJobs,        // a job of at
  kUnit,          // a unit, its drop-in or its timer: `name` is the service's name
};

struct StartupFile {
  RunBy run_by = RunBy::kNobody;
  std::string name;
};

// Which sessions run the file at `path`, by its last components: the record of a rename may have a
// path that begins at a mount point.
StartupFile StartupFileAt(absl::string_view path);

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_STARTUP_FILES_H_
