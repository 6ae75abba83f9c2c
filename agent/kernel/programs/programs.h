#ifndef HOPTRAIL_AGENT_KERNEL_PROGRAMS_PROGRAMS_H_
#define HOPTRAIL_AGENT_KERNEL_PROGRAMS_PROGRAMS_H_

// The BPF programs, loaded and attached. Only for agent/kernel: it shows libbpf.

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
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

// Owns the loaded programs and their attachments; its destructor removes them from the kernel. Not
// thread-safe.
class Programs {
 public:
  // Probes, plans, loads what the plan needs, and attaches the best hook that works for each event
  // source.
  static absl::StatusOr<Programs> Load(const SensorOptions& options);

  Programs(Programs&&) = default;
  Programs& operator=(Programs&&) = default;

  sensor_bpf* skeleton() const { return skeleton_.get(); }
  const std::vector<model::SourceCoverage>& coverage() const { return coverage_; }
  // The attachments, for the caller to own: the programs stay attached until it destroys them.
  Attachments TakeAttachments();
  // The fallback program of `program`, loaded and perhaps attached; null where there is none.
  const FallbackProgram* FallbackOf(const std::string& program) const;
  // Attaches a fallback program unless it is attached. Where the kernel refuses, it returns false
  // and forgets the program.
  bool AttachFallback(FallbackProgram fallback);
  // The link of an attached program; null where it is not attached.
  const bpf_link* link(const std::string& program) const;
  // How the uprobes' programs were loaded to be attached, by event source.
  const std::map<std::string, UprobeMethod>& uprobe_methods() const { return uprobe_methods_; }

 private:
  Programs() = default;

  // Loads the first candidate of each event source. Removes those that the kernel refuses from the
  // plan and tries the next ones.
  absl::Status LoadPlan(const SensorOptions& options, std::vector<PlannedSource>* plan);
  // Attaches what was loaded. False, with nothing attached and the plan changed, where the kernel
  // refused a candidate.
  bool AttachPlan(std::vector<PlannedSource>* plan);
  // Why the kernel refused one of the candidate's programs; empty where all are attached.
  std::string AttachCandidate(const HookCandidate& candidate);
  // Removes the optional programs that the kernel refuses from the candidate.
  void AttachOptional(HookCandidate* candidate);
  void AddOwnObjects() const;
  void AddOwnLink(const LinkPtr& link) const;
  void ReportCoverage(const std::vector<PlannedSource>& plan);

  std::map<std::string, UprobeMethod> uprobe_methods_;  // by source
  SkeletonPtr skeleton_;
  std::map<std::string, LinkPtr> links_;              // by program; destroyed before skeleton_
  std::map<std::string, FallbackProgram> fallbacks_;  // by the program that they stand beside
  std::vector<model::SourceCoverage> coverage_;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PROGRAMS_PROGRAMS_H_
