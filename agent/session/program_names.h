#ifndef HOPTRAIL_AGENT_SESSION_PROGRAM_NAMES_H_
#define HOPTRAIL_AGENT_SESSION_PROGRAM_NAMES_H_

// Guesses a program's role in a session from its path. Anybody may give a program such a name,
// so a wrong one must do no harm.

#include "absl/strings/string_view.h"

#include "agent/process/process_table.h"
#include "core/base/path.h"

namespace hoptrail::agent::session {

inline bool IsCron(absl::string_view program) {
  const absl::string_view name = BaseName(program);
  return name == "cron" || name == "crond" || name == "atd" || name == "anacron" || name == "fcron";
}

// systemd starts each service through a helper from version 255 on. The helper is not the service.
inline bool IsManagersHelper(const process::Process& process) {
  return process.parent.tgid == 1 && BaseName(process.program()) == "systemd-executor";
}

}  // namespace hoptrail::agent::session

#endif  // HOPTRAIL_AGENT_SESSION_PROGRAM_NAMES_H_
