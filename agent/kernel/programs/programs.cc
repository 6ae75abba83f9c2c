#include "agent/kernel/programs/programs.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/abi/events.h"
#include "bpf/sensor.skel.h"

#include "agent/kernel/objects/libbpf_log.h"
#include "agent/kernel/objects/own_objects.h"
#include "agent/kernel/programs/cgroup_root.h"
#include "agent/kernel/programs/features.h"
#include "agent/kernel/uprobes/uprobe_multi.h"
#include "agent/kernel/watch/watched_files.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"

namespace hoptrail::agent::kernel {
namespace {

bool Uses(const HookCandidate& candidate, const std::string& program) {
  return std::find(candidate.programs.begin(), candidate.programs.end(), program) !=
         candidate.programs.end();
}

// What is tried next: for each event source the best candidate that is left.
std::set<std::string> ProgramsOf(const std::vector<PlannedSource>& plan) {
  std::set<std::string> programs;
  for (const PlannedSource& source : plan) {
    if (source.candidates.empty()) continue;
    const HookCandidate& candidate = source.candidates[0];
    programs.insert(candidate.programs.begin(), candidate.programs.end());
    for (const OptionalProgram& optional : candidate.optional) programs.insert(optional.program);
    for (const FallbackProgram& fallback : candidate.fallbacks) programs.insert(fallback.program);
  }
  return programs;
}

std::set<std::string> UprobePrograms() {
  std::set<std::string> programs;
  for (const UprobeSource& source : UprobeTable()) {
    for (const UprobeProbe& probe : source.probes) programs.insert(probe.program);
  }
  programs.insert(WatchedFiles::kProgram);
  return programs;
}

// Takes every candidate that needs `program` out of the plan, and `program` out of those that can
// do without it.
void Refuse(const std::string& program, const std::string& reason, std::vector<PlannedSource>* plan) {
  for (PlannedSource& source : *plan) {
    for (auto candidate = source.candidates.begin(); candidate != source.candidates.end();) {
      if (Uses(*candidate, program)) {
        source.refusals.push_back(absl::StrCat(candidate->hook, ": ", reason));
        candidate = source.candidates.erase(candidate);
        continue;
      }
      for (size_t i = 0; i < candidate->optional.size(); ++i) {
        if (candidate->optional[i].program != program) continue;
        candidate->lacks.push_back(absl::StrCat(candidate->optional[i].hook, ": ", reason));
        candidate->optional.erase(candidate->optional.begin() + static_cast<ptrdiff_t>(i--));
      }
      std::erase_if(candidate->fallbacks,
                    [&](const FallbackProgram& fallback) { return fallback.program == program; });
      ++candidate;
    }
  }
}

// Null, and `reason` set, if the kernel refuses.
LinkPtr Attach(bpf_object* object, const std::string& name, std::string* reason) {
  bpf_program* program = bpf_object__find_program_by_name(object, name.c_str());
  LinkPtr link;
  if (program != nullptr && bpf_program__type(program) == BPF_PROG_TYPE_CGROUP_SKB) {
    const absl::StatusOr<UniqueFd> root = OpenRootCgroup();
    if (!root.ok()) {
      *reason = std::string(root.status().message());
      return nullptr;
    }
    link.reset(bpf_program__attach_cgroup(program, root->get()));
  } else if (program != nullptr) {
    link.reset(bpf_program__attach(program));
  }
  if (link == nullptr) *reason = strerror(errno);
  return link;
}

}  // namespace

absl::StatusOr<Programs> Programs::Load(const SensorOptions& options) {
  KeepLibbpfLog();
  HT_RETURN_IF_ERROR(CheckPrerequisites());
  EnsureTracefs();
  std::vector<PlannedSource> plan =
      MakePlan(ProbeFeatures(), options.syscall_hooks, options.force_tiers);
  Programs programs;
  programs.uprobe_methods_ = PlanUprobes(TryUprobeMulti(), options.force_tiers);
  do {
    HT_RETURN_IF_ERROR(programs.LoadPlan(options, &plan));
  } while (!programs.AttachPlan(&plan));
  programs.NameOwnObjects();
  if (!ProbeFeatures().preempts_tracepoints) return programs;
  // Of what each process passes, and what nothing finds later; a change of a socket's state comes
  // often.
  std::vector<std::string> with_fallback = {"ht_fork", "ht_exec", "ht_exit",
                                      "ht_switch_namespaces_fentry"};
  if (options.tcp_fallback_at_once) with_fallback.push_back("ht_tcp_state");
  for (const std::string& program : with_fallback) {
    const FallbackProgram* fallback = programs.FallbackOf(program);
    if (fallback != nullptr) programs.AttachFallback(*fallback);
  }
  return programs;
}

absl::Status Programs::LoadPlan(const SensorOptions& options, std::vector<PlannedSource>* plan) {
  std::set<std::string> uprobes = UprobePrograms();
  while (true) {
    std::set<std::string> wanted = ProgramsOf(*plan);
    wanted.insert(uprobes.begin(), uprobes.end());
    HT_ASSIGN_OR_RETURN(skeleton_, OpenSkeleton(options, *plan, wanted, uprobe_methods_));
    TakeRefusedProgram();
    const int error = sensor_bpf__load(skeleton_.get());
    if (error == 0) return absl::OkStatus();

    // libbpf names the program that the kernel refused; without one it is not for a program.
    const std::string what =
        absl::StrCat("loading the programs: ", strerror(-error), " (", TakeLibbpfComplaint(), ")");
    const RefusedProgram refused = TakeRefusedProgram();
    if (wanted.erase(refused.name) == 0 || wanted.empty()) {
      return error == -EPERM || error == -EACCES ? absl::PermissionDeniedError(what)
                                                 : absl::FailedPreconditionError(what);
    }
    std::string reason = absl::StrCat("load refused: ", strerror(-error));
    if (!refused.because.empty()) absl::StrAppend(&reason, ": ", refused.because);
    Log(LogLevel::kDebug, "kernel", absl::StrCat(refused.name, ": ", reason));
    Refuse(refused.name, reason, plan);
    uprobes.erase(refused.name);
  }
}

void Programs::NameOwnObjects() const {
  NameLoader(skeleton_.get());
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton_->obj) {
    if (bpf_program__fd(program) < 0) continue;
    NameOwnObject(skeleton_.get(), HT_OBJECT_PROGRAM, bpf_program__fd(program));
  }
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, skeleton_->obj) {
    NameOwnObject(skeleton_.get(), HT_OBJECT_MAP, bpf_map__fd(map));
  }
  for (const auto& [name, link] : links_) NameOwnLink(link);
}

void Programs::NameOwnLink(const LinkPtr& link) const {
  NameOwnObject(skeleton_.get(), HT_OBJECT_LINK, bpf_link__fd(link.get()));
}

const FallbackProgram* Programs::FallbackOf(const std::string& program) const {
  const auto found = fallbacks_.find(program);
  return found == fallbacks_.end() ? nullptr : &found->second;
}

bool Programs::AttachFallback(FallbackProgram fallback) {
  if (links_.count(fallback.program) != 0) return true;
  const bool tcp = fallback.of == "ht_tcp_state";
  if (tcp) skeleton_->bss->ht_tcp_attached_twice = true;
  std::string reason;
  LinkPtr link = Attach(skeleton_->obj, fallback.program, &reason);
  if (link == nullptr) {
    if (tcp) skeleton_->bss->ht_tcp_attached_twice = false;
    Log(LogLevel::kWarning, "kernel",
        absl::StrCat(fallback.hook, " beside ", fallback.of, ": attach refused: ", reason));
    fallbacks_.erase(fallback.of);
    return false;
  }
  NameOwnLink(link);
  links_[fallback.program] = std::move(link);
  return true;
}

const bpf_link* Programs::link(const std::string& program) const {
  const auto found = links_.find(program);
  return found == links_.end() ? nullptr : found->second.get();
}

Attachments Programs::TakeAttachments() {
  Attachments attachments;
  for (auto& [program, link] : links_) {
    attachments.push_back(std::make_shared<LinkPtr>(std::move(link)));
  }
  links_.clear();
  return attachments;
}

void Programs::AttachOptional(HookCandidate* candidate) {
  std::vector<OptionalProgram> attached;
  for (const OptionalProgram& optional : candidate->optional) {
    std::string reason;
    LinkPtr link = Attach(skeleton_->obj, optional.program, &reason);
    if (link == nullptr) {
      candidate->lacks.push_back(absl::StrCat(optional.hook, ": attach refused: ", reason));
    } else {
      links_[optional.program] = std::move(link);
      attached.push_back(optional);
    }
  }
  candidate->optional = std::move(attached);
}

bool Programs::AttachPlan(std::vector<PlannedSource>* plan) {
  bool whole = true;
  for (PlannedSource& source : *plan) {
    if (source.candidates.empty()) continue;
    HookCandidate& candidate = source.candidates[0];
    std::string refusal, reason;
    for (const std::string& name : candidate.programs) {
      if (links_.count(name) != 0) continue;  // for another source
      LinkPtr link = Attach(skeleton_->obj, name, &reason);
      if (link == nullptr) {
        refusal = absl::StrCat(candidate.hook, ": attach refused: ", reason);
        break;
      }
      links_[name] = std::move(link);
    }
    if (refusal.empty()) {
      AttachOptional(&candidate);
      continue;
    }
    source.refusals.push_back(std::move(refusal));
    source.candidates.erase(source.candidates.begin());
    whole = false;
  }
  if (!whole) {
    links_.clear();
    return false;
  }
  for (const PlannedSource& source : *plan) {
    if (source.candidates.empty()) continue;
    for (const FallbackProgram& fallback : source.candidates[0].fallbacks) {
      fallbacks_.emplace(fallback.of, fallback);
    }
  }
  for (const PlannedSource& source : *plan) {
    model::SourceCoverage& coverage = coverage_.emplace_back();
    coverage.source = source.source;
    coverage.refusals = source.refusals;
    if (source.candidates.empty()) continue;
    coverage.hook = source.candidates[0].hook;
    const std::vector<std::string>& lacks = source.candidates[0].lacks;
    coverage.refusals.insert(coverage.refusals.end(), lacks.begin(), lacks.end());
    coverage.tier = TierOf(source.source, coverage.hook);
    std::set<std::string> attached;
    for (const auto& [program, link] : links_) attached.insert(program);
    coverage.misses = MissesOf(source.source, coverage.hook, attached);
  }
  return true;
}

}  // namespace hoptrail::agent::kernel
