#include "agent/kernel/programs/recursion_misses.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "bpf/sensor.skel.h"
#include <bpf/bpf.h>

#include "agent/kernel/plan/hook_plan.h"
#include "agent/kernel/plan/uprobe_plan.h"
#include "core/base/log.h"
#include <sys/mman.h>

namespace hoptrail::agent::kernel {
namespace {

uint32_t TypeOf(const std::string& source) {
  static const auto* const types = new std::map<std::string, uint32_t>{
      {"fork", HT_TYPE_FORK},
      {"exec", HT_TYPE_EXEC},
      {"exit", HT_TYPE_EXIT},
      {"tcp", HT_TYPE_TCP},
      {"accept", HT_TYPE_ACCEPT},
      {"socket handover", HT_TYPE_ACCEPT},
      {"file", HT_TYPE_FILE},
      {"rename", HT_TYPE_FILE},
      {"credentials", HT_TYPE_CREDENTIALS},
      {"namespaces", HT_TYPE_NAMESPACES},
      {"signals to the sensor", HT_TYPE_TAMPERING},
      {"tracing of the sensor", HT_TYPE_TAMPERING},
      {"bpf on the sensor", HT_TYPE_TAMPERING},
      {"unix connect", HT_TYPE_UNIX_CONNECT},
      {"datagram flows", HT_TYPE_DATAGRAM_FLOW},
      {"pam", HT_TYPE_PAM},
      {"sshd", HT_TYPE_SSHD},
  };
  const auto found = types->find(source);
  return found == types->end() ? uint32_t{HT_TYPE_UNKNOWN} : found->second;
}

// By program; of the first event source that it serves.
std::map<std::string, uint32_t> TypesOfPrograms() {
  std::map<std::string, uint32_t> types;
  for (const EventSource& source : EventSourceTable()) {
    for (const HookCandidate& candidate : source.candidates) {
      for (const std::string& program : candidate.programs) {
        types.emplace(program, TypeOf(source.source));
      }
      for (const OptionalProgram& optional : candidate.optional) {
        types.emplace(optional.program, TypeOf(source.source));
      }
      for (const FallbackProgram& fallback : candidate.fallbacks) {
        types.emplace(fallback.program, TypeOf(source.source));
      }
    }
  }
  for (const UprobeSource& source : UprobeTable()) {
    for (const UprobeProbe& probe : source.probes) types.emplace(probe.program, TypeOf(source.source));
  }
  return types;
}

}  // namespace

void RecursionMisses::Unmap::operator()(ht_losses* losses) const {
  munmap(losses, static_cast<size_t>(sysconf(_SC_PAGESIZE)));
}

absl::StatusOr<RecursionMisses> RecursionMisses::Map(const Programs& programs) {
  RecursionMisses runs;
  void* const memory =
      mmap(nullptr, static_cast<size_t>(sysconf(_SC_PAGESIZE)), PROT_READ | PROT_WRITE, MAP_SHARED,
           bpf_map__fd(programs.skeleton()->maps.losses), 0);
  if (memory == MAP_FAILED) return absl::ErrnoToStatus(errno, "mapping the loss counters");
  runs.losses_.reset(static_cast<ht_losses*>(memory));
  const std::map<std::string, uint32_t> types = TypesOfPrograms();
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, programs.skeleton()->obj) {
    const auto type = types.find(bpf_program__name(program));
    if (bpf_program__fd(program) < 0 || type == types.end()) continue;
    const FallbackProgram* fallback = programs.FallbackOf(type->first);
    const bool has_fallback = fallback != nullptr && programs.link(fallback->program) != nullptr;
    runs.programs_.push_back(
        {type->first, bpf_program__fd(program), type->second, /*skipped=*/0, has_fallback});
  }
  return runs;
}

void RecursionMisses::Count(Programs& programs) {
  uint64_t counts[HT_TYPES] = {};
  for (Program& program : programs_) {
    bpf_prog_info info = {};
    __u32 size = sizeof(info);
    if (!program.has_fallback && bpf_obj_get_info_by_fd(program.fd, &info, &size) == 0) {
      if (info.recursion_misses > program.skipped) {
        const FallbackProgram* fallback = programs.FallbackOf(program.name);
        program.has_fallback = fallback != nullptr && programs.AttachFallback(*fallback);
        if (program.has_fallback) {
          Log(LogLevel::kInfo, "kernel",
              absl::StrCat("the kernel skips runs of ", program.name,
                           ": its fallback is attached beside it"));
        }
      }
      program.skipped = info.recursion_misses;
    }
    counts[program.type] += program.skipped;
  }
  // Read by another process while this is written; each counter is one aligned word.
  for (int type = 0; type < HT_TYPES; ++type) {
    __atomic_store_n(&losses_->skipped[type], counts[type], __ATOMIC_RELAXED);
  }
}

}  // namespace hoptrail::agent::kernel
