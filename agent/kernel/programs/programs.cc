#include "agent/kernel/programs/programs.h"

#include <cerrno>
#include <cstring>
#include <memory>
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

// Null, with the reason in `reason`, where the kernel refuses.
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
  const Features& features = ProbeFeatures();
  std::vector<PlannedSource> plan = MakePlan(features, options.syscall_hooks, options.force_tiers);
  Programs programs;
  programs.uprobe_methods_ = PlanUprobes(TryUprobeMulti(), options.force_tiers);
  do {
    HT_RETURN_IF_ERROR(programs.LoadPlan(options, &plan));
  } while (!programs.AttachPlan(&plan));
  programs.AddOwnObjects();
  programs.ReportCoverage(plan);
  for (const FallbackProgram& fallback : FallbacksOf(plan)) {
    programs.fallbacks_.emplace(fallback.of, fallback);
  }
  for (FallbackProgram& fallback : FallbacksAtOnce(plan, features, options.fallbacks_at_once)) {
    programs.AttachFallback(std::move(fallback));
  }
  return programs;
}

absl::Status Programs::LoadPlan(const SensorOptions& options, std::vector<PlannedSource>* plan) {
  std::set<std::string> others = UprobePrograms();
  others.insert(WatchedFiles::kProgram);
  while (true) {
    std::set<std::string> wanted = ProgramsOf(*plan);
    wanted.insert(others.begin(), others.end());
    HT_ASSIGN_OR_RETURN(skeleton_, OpenSkeleton(options, *plan, wanted, uprobe_methods_));
    TakeRefusedProgram();
    const int error = sensor_bpf__load(skeleton_.get());
    if (error == 0) return absl::OkStatus();

    // libbpf names the program that the kernel refused. Other failures are not about one program.
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
    RemoveProgram(refused.name, reason, plan);
    others.erase(refused.name);
  }
}

bool Programs::AttachPlan(std::vector<PlannedSource>* plan) {
  bool complete = true;
  for (PlannedSource& source : *plan) {
    if (source.candidates.empty()) continue;
    std::string refusal = AttachCandidate(source.candidates[0]);
    if (refusal.empty()) {
      AttachOptional(&source.candidates[0]);
      continue;
    }
    source.refusals.push_back(std::move(refusal));
    source.candidates.erase(source.candidates.begin());
    complete = false;
  }
  if (!complete) links_.clear();
  return complete;
}

std::string Programs::AttachCandidate(const HookCandidate& candidate) {
  for (const std::string& name : candidate.programs) {
    if (links_.count(name) != 0) continue;  // it serves another source, too
    std::string reason;
    LinkPtr link = Attach(skeleton_->obj, name, &reason);
    if (link == nullptr) return absl::StrCat(candidate.hook, ": attach refused: ", reason);
    links_[name] = std::move(link);
  }
  return "";
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

void Programs::AddOwnObjects() const {
  SetLoader(skeleton_.get());
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton_->obj) {
    if (bpf_program__fd(program) < 0) continue;
    AddOwnObject(skeleton_.get(), HT_OBJECT_PROGRAM, bpf_program__fd(program));
  }
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, skeleton_->obj) {
    AddOwnObject(skeleton_.get(), HT_OBJECT_MAP, bpf_map__fd(map));
  }
  for (const auto& [name, link] : links_) AddOwnLink(link);
}

void Programs::AddOwnLink(const LinkPtr& link) const {
  AddOwnObject(skeleton_.get(), HT_OBJECT_LINK, bpf_link__fd(link.get()));
}

void Programs::ReportCoverage(const std::vector<PlannedSource>& plan) {
  std::set<std::string> attached;
  for (const auto& [program, link] : links_) attached.insert(program);
  for (const PlannedSource& source : plan) {
    model::SourceCoverage& coverage = coverage_.emplace_back();
    coverage.source = source.source;
    coverage.refusals = source.refusals;
    if (source.candidates.empty()) continue;
    coverage.hook = source.candidates[0].hook;
    const std::vector<std::string>& lacks = source.candidates[0].lacks;
    coverage.refusals.insert(coverage.refusals.end(), lacks.begin(), lacks.end());
    coverage.tier = TierOf(source.source, coverage.hook);
    coverage.misses = MissesOf(source.source, coverage.hook, attached);
  }
}

const FallbackProgram* Programs::FallbackOf(const std::string& program) const {
  const auto found = fallbacks_.find(program);
  return found == fallbacks_.end() ? nullptr : &found->second;
}

bool Programs::AttachFallback(FallbackProgram fallback) {
  if (links_.count(fallback.program) != 0) return true;
  // Before both programs see the same change.
  if (fallback.flag.has_value()) SetFlag(skeleton_.get(), *fallback.flag, true);
  std::string reason;
  LinkPtr link = Attach(skeleton_->obj, fallback.program, &reason);
  if (link == nullptr) {
    if (fallback.flag.has_value()) SetFlag(skeleton_.get(), *fallback.flag, false);
    LogWarning("kernel", fallback.hook, " beside ", fallback.of, ": attach refused: ", reason,
               ": its recursion misses are counted as losses");
    fallbacks_.erase(fallback.of);
    return false;
  }
  AddOwnLink(link);
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

}  // namespace hoptrail::agent::kernel
