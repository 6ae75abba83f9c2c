#include "agent/stop/sensor_manager.h"

namespace hoptrail::agent {

bool IsSensorManager(const SensorSignal& signal, const session::Lineage& lineage,
                     const std::string& unit) {
  if (signal.sender.tgid == 1) return true;
  const process::Process* process = signal.process;
  if (process == nullptr || process->session.empty() || signal.by_login) return false;
  const process::Process* target = signal.target;
  if (target == nullptr) return false;
  if (!unit.empty() && process->cgroup_id != 0 && process->cgroup_id == target->cgroup_id) {
    return true;
  }
  const process::Process* parent = lineage.ParentOf(*target);
  return process->session == target->session ||
         (parent != nullptr && process->session == parent->session);
}

bool IsSensorManager(const session::EnrichedEvent& event, const std::string& unit) {
  return IsSensorManager({.sender = event.event->header.process,
                          .process = event.process,
                          .by_login = event.by_login(),
                          .target = event.other},
                         event.lineage, unit);
}

}  // namespace hoptrail::agent
