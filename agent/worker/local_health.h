#ifndef HOPTRAIL_AGENT_WORKER_LOCAL_HEALTH_H_
#define HOPTRAIL_AGENT_WORKER_LOCAL_HEALTH_H_

#include <utility>

#include "agent/health/health_file.h"
#include "agent/health/service_manager.h"
#include "agent/worker/readiness.h"
#include "core/model/ids.h"

namespace hoptrail::agent {

// Shows the worker's state on its own host: to probes by the health file, and to the service
// manager's watchdog. The thread that handles events calls it, so that both notice when that thread
// hangs.
class LocalHealth {
 public:
  LocalHealth(const model::BootId& boot, HealthFile file, ServiceManager service_manager)
      : boot_(boot), file_(std::move(file)), service_manager_(std::move(service_manager)) {}

  // Once a second.
  void Write(const ReadinessInputs& inputs);

 private:
  const model::BootId boot_;
  const HealthFile file_;
  ServiceManager service_manager_;
  bool failed_ = false;  // the last write of the file did
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_WORKER_LOCAL_HEALTH_H_
