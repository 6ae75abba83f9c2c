#ifndef HOPTRAIL_AGENT_KERNEL_PROGRAMS_PROGRAMS_H_
#define HOPTRAIL_AGENT_KERNEL_PROGRAMS_PROGRAMS_H_

// The BPF programs, loaded and attached. Only for this directory: it shows libbpf.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include <bpf/libbpf.h>

#include "agent/kernel/objects/detach.h"
#include "agent/kernel/objects/link.h"
#include "agent/kernel/plan/hook_plan.h"
#include "agent/kernel/plan/options.h"
#include "agent/kernel/plan/uprobe_plan.h"
#include "agent/kernel/programs/skeleton.h"
#include "core/model/fact.h"

namespace hoptrail::agent::kernel {

// Owns the loaded programs and their attachments; taking it down removes them from the kernel.
// Not thread-safe.
class Programs {
 public:
  // Probes, plans, loads what the plan needs, attaches the best that works for each event source.
  static absl::StatusOr<Programs> Load(const SensorOptions& options);

  Programs(Programs&&) = default;
  Programs& operator=(Programs&&) = default;

  sensor_bpf* skeleton() const { return skeleton_.get(); }
  const std::vector<model::SourceCoverage>& coverage() const { return coverage_; }
  // What keeps the programs attached; afterwards they last for as long as the caller holds it.
  Attachments TakeAttachments();
  // The program that stands beside `program`, loaded and perhaps attached; null where none does.
  const FallbackProgram* FallbackOf(const std::string& program) const;
  // Attaches it unless it is attached. False where it cannot be, now or ever.
  bool AttachFallback(FallbackProgram fallback);
  // Of an attached program; nullptr where it is not.
  const bpf_link* link(const std::string& program) const;
  // For which way of attaching the uprobes' programs were loaded, by event source.
  const std::map<std::string, UprobeMethod>& uprobe_methods() const { return uprobe_methods_; }

 private:
  Programs() = default;

  // Loads the first candidate of each event source, and takes those that the kernel refuses out of the
  // plan.
  absl::Status LoadPlan(const SensorOptions& options, std::vector<PlannedSource>* plan);
  void NameOwnObjects() const;
  // Attaches what was loaded. False, and the plan changed, where the kernel refused a candidate.
  bool AttachPlan(std::vector<PlannedSource>* plan);
  // Leaves the candidate with those that could be attached.
  void AttachOptional(HookCandidate* candidate);
  void NameOwnLink(const LinkPtr& link) const;

  std::map<std::string, UprobeMethod> uprobe_methods_;  // by source
  SkeletonPtr skeleton_;
  std::map<std::string, LinkPtr> links_;            // by program; gone before skeleton_
  std::map<std::string, FallbackProgram> fallbacks_;  // by the program that they stand beside
  std::vector<model::SourceCoverage> coverage_;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PROGRAMS_PROGRAMS_H_
