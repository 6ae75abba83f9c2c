#include "agent/kernel/plan/hook_plan.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"

namespace hoptrail::agent::kernel {
namespace {

// Why a candidate cannot be used; empty where it can.
std::string RefusalOf(const HookCandidate& candidate, const Features& features,
                      SyscallHooks syscall_hooks) {
  if (candidate.syscall && syscall_hooks == SyscallHooks::kNever) {
    return "switched off by syscall_hooks: never";
  }
  if (auto refused = features.refused.find(candidate.hook); refused != features.refused.end()) {
    return refused->second;
  }
  for (const std::string& hook : candidate.also) {
    if (auto refused = features.refused.find(hook); refused != features.refused.end()) {
      return absl::StrCat(hook, ": ", refused->second);
    }
  }
  return "";
}

// Removes the optional and fallback programs for which the kernel has no hook.
void RemoveRefused(const Features& features, HookCandidate* candidate) {
  std::vector<OptionalProgram> kept;
  for (OptionalProgram& program : candidate->optional) {
    const auto refused = features.refused.find(program.hook);
    if (refused == features.refused.end()) {
      kept.push_back(std::move(program));
    } else {
      candidate->lacks.push_back(absl::StrCat(program.hook, ": ", refused->second));
    }
  }
  candidate->optional = std::move(kept);
  std::erase_if(candidate->fallbacks, [&](const FallbackProgram& fallback) {
    return !features.skips_tracepoints || features.refused.count(fallback.hook) != 0;
  });
}

void RemoveOptional(const std::string& program, const std::string& reason,
                    HookCandidate* candidate) {
  for (const OptionalProgram& optional : candidate->optional) {
    if (optional.program != program) continue;
    candidate->lacks.push_back(absl::StrCat(optional.hook, ": ", reason));
  }
  std::erase_if(candidate->optional,
                [&](const OptionalProgram& optional) { return optional.program == program; });
  std::erase_if(candidate->fallbacks,
                [&](const FallbackProgram& fallback) { return fallback.program == program; });
}

}  // namespace

std::vector<PlannedSource> MakePlan(const Features& features, SyscallHooks syscall_hooks,
                                    const ForcedTiers& forced) {
  std::vector<PlannedSource> plan;
  for (const EventSource& source : EventSourceTable()) {
    PlannedSource planned{.source = source.source};
    const auto force = forced.find(source.source);
    for (const HookCandidate& candidate : source.candidates) {
      if (force != forced.end() && TierOf(source.source, candidate.hook) != force->second) {
        planned.refusals.push_back(absl::StrCat(candidate.hook, ": ", kNotTried));
        continue;
      }
      const std::string refusal = RefusalOf(candidate, features, syscall_hooks);
      if (!refusal.empty()) {
        planned.refusals.push_back(absl::StrCat(candidate.hook, ": ", refusal));
        continue;
      }
      planned.candidates.push_back(candidate);
      RemoveRefused(features, &planned.candidates.back());
    }
    if (syscall_hooks == SyscallHooks::kAlways) {
      std::stable_partition(planned.candidates.begin(), planned.candidates.end(),
                            [](const HookCandidate& candidate) { return !candidate.inexact; });
    }
    plan.push_back(std::move(planned));
  }
  return plan;
}

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

std::set<KernelFlag> FlagsOf(const std::vector<PlannedSource>& plan) {
  std::set<KernelFlag> flags;
  for (const PlannedSource& source : plan) {
    if (source.candidates.empty() || !source.candidates[0].flag.has_value()) continue;
    flags.insert(*source.candidates[0].flag);
  }
  return flags;
}

std::vector<FallbackProgram> FallbacksOf(const std::vector<PlannedSource>& plan) {
  std::vector<FallbackProgram> fallbacks;
  for (const PlannedSource& source : plan) {
    if (source.candidates.empty()) continue;
    absl::c_copy(source.candidates[0].fallbacks, std::back_inserter(fallbacks));
  }
  return fallbacks;
}

std::vector<FallbackProgram> FallbacksAtOnce(const std::vector<PlannedSource>& plan,
                                             const Features& features,
                                             const std::set<std::string>& sources) {
  std::vector<FallbackProgram> at_once;
  if (!features.preempts_tracepoints) return at_once;
  for (const PlannedSource& source : plan) {
    if (source.candidates.empty()) continue;
    absl::c_copy_if(source.candidates[0].fallbacks, std::back_inserter(at_once),
                    [&](const FallbackProgram& fallback) {
                      return fallback.start == FallbackStart::kIfPreemptible ||
                             sources.count(source.source) != 0;
                    });
  }
  return at_once;
}

void RemoveProgram(const std::string& program, const std::string& reason,
                   std::vector<PlannedSource>* plan) {
  for (PlannedSource& source : *plan) {
    std::erase_if(source.candidates, [&](const HookCandidate& candidate) {
      if (!absl::c_linear_search(candidate.programs, program)) return false;
      source.refusals.push_back(absl::StrCat(candidate.hook, ": ", reason));
      return true;
    });
    for (HookCandidate& candidate : source.candidates) RemoveOptional(program, reason, &candidate);
  }
}

}  // namespace hoptrail::agent::kernel
