#include "agent/worker/local_health.h"

#include "absl/status/status.h"

#include "core/base/log.h"

namespace hoptrail::agent {

void LocalHealth::Write(const ReadinessInputs& inputs) {
  const Readiness readiness = EvaluateReadiness(inputs);
  const absl::Status written =
      file_.Write({boot_, inputs.now_boot_ns,
                   readiness.ready ? HealthState::kReady : HealthState::kLive, readiness.detail});
  if (!written.ok() && !failed_) LogWarning("agent", written.message());
  failed_ = !written.ok();
  service_manager_.KeepAlive(inputs.now_boot_ns);
}

}  // namespace hoptrail::agent
