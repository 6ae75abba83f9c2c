#include "agent/worker/heartbeat.h"

#include <algorithm>
#include <variant>

#include "agent/host/process_names.h"

namespace hoptrail::agent {

void HeartbeatWatch::Handle(const decode::Event& event) {
  if (!std::holds_alternative<decode::Fork>(event.body)) return;
  if (event.header.command != kLoaderName || event.header.credentials.euid != 0) return;
  last_boot_ns_ = std::max(last_boot_ns_, event.header.boot_ns);
  seen_boot_ns_ = std::max(seen_boot_ns_, event.header.boot_ns);
  // A heartbeat that is read late was missing until now.
  missing_ns_ = asked_boot_ns_ - std::min(asked_boot_ns_, last_boot_ns_);
  reported_ = false;
}

bool HeartbeatWatch::Missing(uint64_t now_boot_ns) {
  const uint64_t since_ns =
      now_boot_ns - std::min(now_boot_ns, std::max(last_boot_ns_, asked_boot_ns_));
  asked_boot_ns_ = now_boot_ns;
  missing_ns_ += std::min(since_ns, kCountedAtOnceNs);
  if (last_boot_ns_ == 0 || reported_ || missing_ns_ < kMissingAfterNs) return false;
  reported_ = true;
  return true;
}

}  // namespace hoptrail::agent
