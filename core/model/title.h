#ifndef HOPTRAIL_CORE_MODEL_TITLE_H_
#define HOPTRAIL_CORE_MODEL_TITLE_H_

// What people call things: the same words in titles, pages, lists and evidence. Bounded by the
// bounds of the names in them; those are as hosts told them, and escaped by whoever shows them.

#include <string>

#include "absl/strings/string_view.h"

#include "core/model/ids.h"
#include "core/model/session.h"

namespace hoptrail::model {

// A login is called by its user: "staff", "uid 1000" where that has no name. What is no login, by
// what it is: "service nginx.service (www-data)", "container 3f2a1b4c5d6e running nginx (root)",
// "cron job backup.sh of backup", "scheduled job logrotate.service (root)". What is not known is
// said to be so.
std::string Title(const Session& session);
// Of a session that somebody named and whose host has not told it.
inline constexpr char kUntoldSession[] = "a session not reported yet";

// The host's own name, or "host 001122334455" by its machine id.
std::string HostTitle(absl::string_view host_name, const HostId& host);

}  // namespace hoptrail::model

#endif  // HOPTRAIL_CORE_MODEL_TITLE_H_
