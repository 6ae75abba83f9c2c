#ifndef HOPTRAIL_CORE_MODEL_TITLE_H_
#define HOPTRAIL_CORE_MODEL_TITLE_H_

// Names of sessions and hosts for people: the same words in titles, pages, lists and evidence.
// Bounded by the bounds of the names in them, which are as hosts reported them: the code that shows
// a title escapes it.

#include <string>

#include "absl/strings/string_view.h"

#include "core/model/ids.h"
#include "core/model/session.h"

namespace hoptrail::model {

// A login is called by its user: "staff", "uid 1000" where the uid has no name. Any other session
// is called by its kind: "service nginx.service (www-data)", "container 3f2a1b4c5d6e running nginx
// (root)", "cron job backup.sh of backup", "scheduled job logrotate.service (root)". A part that is
// not known is called unknown. A session on a host without an agent is called "unseen".
std::string Title(const Session& session);
// For a session that a record mentions and whose host has not reported it.
inline constexpr char kUnreportedSession[] = "a session not reported yet";

// The host's own name, or "host 001122334455" by its machine id; "10.0.0.5 (unmonitored)" for a
// host without an agent.
std::string HostTitle(absl::string_view host_name, const HostId& host);

// The host's own name, in a form that no other machine can have: "web1 (3f2a9c10)", with the
// beginning of the machine id, where another machine has or had the name (`shared`), and "host
// 3f2a9c10 called web1 (0b1c2d3e)" where the name is none that a host usually has, and could look
// like another's. Empty where the host has no name.
std::string DistinctHostName(absl::string_view host_name, const MachineId& machine, bool shared);

}  // namespace hoptrail::model

#endif  // HOPTRAIL_CORE_MODEL_TITLE_H_
