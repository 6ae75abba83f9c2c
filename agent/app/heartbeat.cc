#include "agent/app/heartbeat.h"

#include <algorithm>
#include <variant>

#include "agent/app/process_names.h"

namespace hoptrail::agent::app {

void HeartbeatWatch::Handle(const decode::Event& event) {
  if (!std::holds_alternative<decode::Fork>(event.body)) return;
  if (event.header.command != kLoaderName || event.header.credentials.euid != 0) return;
  last_boot_ns_ = std::max(last_boot_ns_, event.header.boot_ns);
  told_ = false;
}

bool HeartbeatWatch::Missing(uint64_t now_boot_ns) {
  if (last_boot_ns_ == 0 || told_ || now_boot_ns < last_boot_ns_ + kMissingAfterNs) return false;
  told_ = true;
  return true;
}

}  // namespace hoptrail::agent::app
