#include "cli/commands.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "cli/entry_commands.h"
#include "cli/list_commands.h"
#include "cli/output.h"
#include "cli/request.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"

namespace hoptrail::cli {
namespace {

// For people and for probes. With --live, a collector that can only read is healthy, since a
// restart would not help it.
absl::StatusOr<ExitStatus> ShowHealth(const Options& options, const Style& style,
                                      const Client::Health& health) {
  const std::string words = health.trouble.empty() ? "serving" : Escape(health.trouble, style);
  HT_RETURN_IF_ERROR(Print(words + "\n"));
  if (!health.reading || (!options.live && !health.query.ok())) return kFailed;
  // A query that gets no answer at all may wait for ever; any other error is a sign of life.
  if (absl::IsDeadlineExceeded(health.query)) return kFailed;
  return health.trouble.empty() || options.live ? kDone : kIncomplete;
}

}  // namespace

absl::StatusOr<ExitStatus> RunCommand(const Options& options, const Style& style, Client* client) {
  using Run = absl::Status (*)(const Request&);
  static const auto* commands = new std::map<absl::string_view, Run>{
      {"hosts", ShowHosts},         {"remove-host", RemoveHost},
      {"sessions", ShowSessions},   {"detections", ShowDetections},
      {"incidents", ShowIncidents}, {"incident", ShowIncident},
      {"path", ShowPath},           {"ack", ChangeIncident},
      {"resolve", ChangeIncident}};
  const auto command = commands->find(options.command);
  if (command == commands->end() && options.command != "health") {
    return absl::InternalError("the command has no implementation");
  }
  // Before the answer is shown: what it lacks may be what matters.
  HT_ASSIGN_OR_RETURN(const Client::Health health, client->GetHealth());
  if (options.command == "health") return ShowHealth(options, style, health);
  if (!health.trouble.empty()) {
    WriteError("hoptrail", absl::StrCat("warning: ", Escape(health.trouble, style),
                                        "; something may be missing"));
  }
  HT_RETURN_IF_ERROR(command->second({options, style, client, health.trouble}));
  return health.trouble.empty() ? kDone : kIncomplete;
}

}  // namespace hoptrail::cli
