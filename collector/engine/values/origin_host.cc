#include "collector/engine/values/origin_host.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "core/base/path.h"
#include "core/base/saturating.h"
#include "core/model/title.h"

namespace hoptrail::collector::engine {
namespace {

// An agent that is lost so soon after the login may have had no time to report the connection.
constexpr int64_t kReportNs = int64_t{30} * 1'000'000'000;

std::string OriginTime(int64_t wall_ns) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixNanos(wall_ns), absl::UTCTimeZone());
}

}  // namespace

void Explain(const OriginEvidence& evidence, OriginHost* origin) {
  const int64_t opened = evidence.opened_wall_ns;
  // Without slack: a machine that is new to the fleet is not to be blamed for what it did before.
  if (evidence.address_first_wall_ns > opened) {
    origin->reason = OriginReason::kAgentCameLater;
    origin->until_wall_ns = evidence.address_first_wall_ns;
  } else if (!evidence.has_address && evidence.address_last_wall_ns + kOriginSlackNs < opened) {
    origin->reason = OriginReason::kAddressMoved;
    origin->since_wall_ns = evidence.address_last_wall_ns;
  } else if (!evidence.agent_up &&
             evidence.agent_last_seen_wall_ns < SaturatingAdd(opened, kReportNs)) {
    origin->reason = OriginReason::kAgentDown;
    origin->since_wall_ns = evidence.agent_last_seen_wall_ns;
  } else if (evidence.agent_started_wall_ns > opened) {
    origin->reason = OriginReason::kAgentDown;
    origin->until_wall_ns = evidence.agent_started_wall_ns;
  } else if (!evidence.raw_program.empty()) {
    origin->reason = OriginReason::kRawSocket;
    origin->program = evidence.raw_program;
  } else {
    origin->reason = OriginReason::kConnectionNotReported;
  }
}

std::string NameOf(const OriginHost& origin) {
  return model::HostTitle(origin.host_name, origin.host);
}

std::string MissingWords(const OriginHost& origin) {
  switch (origin.reason) {
    case OriginReason::kUnknown:
    case OriginReason::kConnectionNotReported:
      return "its agent reported no such connection";
    case OriginReason::kAgentDown:
      if (origin.until_wall_ns != 0) {
        return absl::StrCat("its agent was down until ", OriginTime(origin.until_wall_ns));
      }
      return origin.since_wall_ns == 0
                 ? std::string("its agent is down")
                 : absl::StrCat("its agent has been down since ", OriginTime(origin.since_wall_ns));
    case OriginReason::kAgentCameLater:
      return absl::StrCat("its agent first reported the address at ",
                          OriginTime(origin.until_wall_ns));
    case OriginReason::kAddressMoved:
      return absl::StrCat("it had the address until ", OriginTime(origin.since_wall_ns));
    case OriginReason::kRawSocket:
      return absl::StrCat("its agent reported no such connection, but ", BaseName(origin.program),
                          " sent by a raw socket");
    case OriginReason::kSameHost:
      return "the connection did not leave the host";
    case OriginReason::kNoAgent:
      return "it has no agent";
  }
  return "";
}

}  // namespace hoptrail::collector::engine
