#include "collector/engine/loop/claim_throttle.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace hoptrail::collector::engine {

ClaimThrottle::Verdict ClaimThrottle::Charge(const Engine& engine, const model::MachineId& machine,
                                             absl::Span<const model::Fact> facts,
                                             int64_t now_boot_ns) {
  size_t sessions = 0, detections = 0;
  Verdict verdict;
  for (const model::Fact& fact : facts) {
    if (const auto* session = std::get_if<model::Session>(&fact)) {
      if (engine.FindSession(session->id) != nullptr) continue;
      ++sessions;
      verdict.session = session->id;
    } else if (const auto* detection = std::get_if<model::Detection>(&fact)) {
      if (engine.FindDetection(detection->id) != nullptr) continue;
      ++detections;
      verdict.session = detection->session;
    }
  }
  const int64_t for_sessions =
      sessions_.Charge(machine, static_cast<double>(sessions), now_boot_ns);
  const int64_t for_detections =
      detections_.Charge(machine, static_cast<double>(detections), now_boot_ns);
  verdict.wait_ns = std::max(for_sessions, for_detections);
  verdict.kind = for_detections > for_sessions ? ClaimKind::kDetections : ClaimKind::kSessions;
  return verdict;
}

void ClaimThrottle::Age(int64_t now_boot_ns) {
  sessions_.ForgetFull(now_boot_ns);
  detections_.ForgetFull(now_boot_ns);
}

void ClaimThrottle::Hold(std::shared_ptr<bus::AgentSink> sink, int64_t until_boot_ns) {
  held_.push_back({std::move(sink), until_boot_ns});
}

void ClaimThrottle::ReadOn(int64_t now_boot_ns) {
  const auto due = std::stable_partition(held_.begin(), held_.end(), [&](const Held& held) {
    return held.until_boot_ns > now_boot_ns;
  });
  for (auto held = due; held != held_.end(); ++held) held->sink->OnConsumed();
  held_.erase(due, held_.end());
}

}  // namespace hoptrail::collector::engine
