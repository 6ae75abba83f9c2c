#include "agent/kernel/programs/skipped_runs.h"

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

uint32_t TypeOf(const std::string& fact) {
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
      {"sends", HT_TYPE_SENDS},
      {"pam", HT_TYPE_PAM},
      {"sshd", HT_TYPE_SSHD},
  };
  const auto found = types->find(fact);
  return found == types->end() ? uint32_t{HT_TYPE_UNKNOWN} : found->second;
}

// By program; of the first fact that it serves.
std::map<std::string, uint32_t> TypesOfPrograms() {
  std::map<std::string, uint32_t> types;
  for (const FactHooks& fact : FactTable()) {
    for (const HookCandidate& candidate : fact.candidates) {
      for (const std::string& program : candidate.programs) {
        types.emplace(program, TypeOf(fact.fact));
      }
      for (const OptionalProgram& optional : candidate.optional) {
        types.emplace(optional.program, TypeOf(fact.fact));
      }
      for (const Understudy& understudy : candidate.understudies) {
        types.emplace(understudy.program, TypeOf(fact.fact));
      }
    }
  }
  for (const UprobeSource& fact : UprobeTable()) {
    for (const UprobeProbe& probe : fact.probes) types.emplace(probe.program, TypeOf(fact.fact));
  }
  return types;
}

}  // namespace

void SkippedRuns::Unmap::operator()(ht_losses* losses) const {
  munmap(losses, static_cast<size_t>(sysconf(_SC_PAGESIZE)));
}

absl::StatusOr<SkippedRuns> SkippedRuns::Map(const Programs& programs) {
  SkippedRuns runs;
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
    const Understudy* understudy = programs.UnderstudyOf(type->first);
    const bool doubled = understudy != nullptr && programs.link(understudy->program) != nullptr;
    runs.programs_.push_back(
        {type->first, bpf_program__fd(program), type->second, /*skipped=*/0, doubled});
  }
  return runs;
}

void SkippedRuns::Count(Programs& programs) {
  uint64_t counts[HT_TYPES] = {};
  for (Program& program : programs_) {
    bpf_prog_info info = {};
    __u32 size = sizeof(info);
    if (!program.doubled && bpf_obj_get_info_by_fd(program.fd, &info, &size) == 0) {
      if (info.recursion_misses > program.skipped) {
        const Understudy* understudy = programs.UnderstudyOf(program.name);
        program.doubled = understudy != nullptr && programs.AttachUnderstudy(*understudy);
        if (program.doubled) {
          Log(LogLevel::kInfo, "kernel",
              absl::StrCat("the kernel skips runs of ", program.name,
                           ": its understudy is attached beside it"));
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
