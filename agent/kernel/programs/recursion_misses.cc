#include "agent/kernel/programs/recursion_misses.h"

#include <unistd.h>

#include <cerrno>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "bpf/sensor.skel.h"
#include <bpf/bpf.h>

#include "agent/kernel/plan/hook_table.h"
#include "agent/kernel/plan/uprobe_plan.h"
#include "core/base/log.h"
#include <sys/mman.h>

namespace hoptrail::agent::kernel {
namespace {

// By program. One that serves several event sources counts for the first.
std::map<std::string, uint32_t> RecordTypes() {
  std::map<std::string, uint32_t> types;
  for (const EventSource& source : EventSourceTable()) {
    for (const HookCandidate& candidate : source.candidates) {
      for (const std::string& program : candidate.programs) {
        types.emplace(program, source.record_type);
      }
      for (const OptionalProgram& optional : candidate.optional) {
        types.emplace(optional.program, source.record_type);
      }
      for (const FallbackProgram& fallback : candidate.fallbacks) {
        types.emplace(fallback.program, source.record_type);
      }
    }
  }
  for (const UprobeSource& source : UprobeTable()) {
    for (const UprobeProbe& probe : source.probes) types.emplace(probe.program, source.record_type);
  }
  return types;
}

}  // namespace

void RecursionMisses::Unmap::operator()(ht_losses* losses) const {
  munmap(losses, static_cast<size_t>(sysconf(_SC_PAGESIZE)));
}

absl::StatusOr<RecursionMisses> RecursionMisses::Map(const Programs& programs) {
  RecursionMisses misses;
  void* const memory =
      mmap(nullptr, static_cast<size_t>(sysconf(_SC_PAGESIZE)), PROT_READ | PROT_WRITE, MAP_SHARED,
           bpf_map__fd(programs.skeleton()->maps.losses), 0);
  if (memory == MAP_FAILED) return absl::ErrnoToStatus(errno, "mapping the loss counters");
  misses.losses_.reset(static_cast<ht_losses*>(memory));
  const std::map<std::string, uint32_t> types = RecordTypes();
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, programs.skeleton()->obj) {
    const auto type = types.find(bpf_program__name(program));
    if (bpf_program__fd(program) < 0 || type == types.end()) continue;
    const FallbackProgram* fallback = programs.FallbackOf(type->first);
    const bool has_fallback = fallback != nullptr && programs.link(fallback->program) != nullptr;
    misses.programs_.push_back(
        {type->first, bpf_program__fd(program), type->second, /*misses=*/0, has_fallback});
  }
  return misses;
}

void RecursionMisses::Count(Programs& programs) {
  uint64_t counts[HT_TYPES] = {};
  for (Program& program : programs_) {
    bpf_prog_info info = {};
    __u32 size = sizeof(info);
    if (!program.has_fallback && bpf_obj_get_info_by_fd(program.fd, &info, &size) == 0) {
      if (info.recursion_misses > program.misses) {
        const FallbackProgram* fallback = programs.FallbackOf(program.name);
        program.has_fallback = fallback != nullptr && programs.AttachFallback(*fallback);
        if (program.has_fallback) {
          LogInfo("kernel", "the kernel skips runs of ", program.name,
                  ": its fallback program is attached, too");
        }
      }
      program.misses = info.recursion_misses;
    }
    counts[program.type] += program.misses;
  }
  // Another process reads these meanwhile; each counter is one aligned word.
  for (int type = 0; type < HT_TYPES; ++type) {
    __atomic_store_n(&losses_->recursion_misses[type], counts[type], __ATOMIC_RELAXED);
  }
}

}  // namespace hoptrail::agent::kernel
