#include "agent/kernel/programs.h"

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "bpf/abi/events.h"
#include "bpf/sensor.skel.h"

#include "agent/kernel/features.h"
#include "agent/kernel/uprobe_multi.h"
#include "agent/kernel/witnesses.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"
#include <sys/random.h>

namespace hoptrail::agent::kernel {
namespace {

thread_local std::string last_complaint;

int KeepComplaint(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;
  char line[512];
  vsnprintf(line, sizeof(line), format, arguments);
  const absl::string_view text = absl::StripAsciiWhitespace(line);
  // Of a verifier log, only libbpf's own lines around it.
  if (absl::StartsWith(text, "libbpf: ")) last_complaint = std::string(text.substr(0, 300));
  return 0;
}

uint32_t RingBytes(uint32_t wanted) {
  uint32_t bytes = 4096;
  while (bytes < wanted && bytes < (1u << 30)) bytes *= 2;
  return bytes;
}

// What one cgroup may write to a ring that fills up.
void SetBudget(sensor_bpf* skeleton, ht_ring ring, uint32_t ring_bytes, uint32_t bytes_per_second) {
  constexpr uint32_t kLeastRate = 16 << 10, kLeastBurst = 4 << 10;
  const uint64_t rate =
      bytes_per_second != 0 ? bytes_per_second : std::max(ring_bytes / 16, kLeastRate);
  const uint64_t burst = std::max(ring_bytes / 64, kLeastBurst);
  skeleton->rodata->ht_ring_bytes[ring] = ring_bytes;
  skeleton->rodata->ht_budget_byte_ns[ring] = 1'000'000'000 / rate;
  skeleton->rodata->ht_budget_burst_ns[ring] = burst * 1'000'000'000 / rate;
}

bool IsWitness(const std::string& program) {
  for (const WitnessFact& fact : WitnessTable()) {
    for (const WitnessProbe& probe : fact.probes) {
      if (probe.program == program) return true;
    }
  }
  return false;
}

absl::StatusOr<SkeletonPtr> OpenSkeleton(const SensorOptions& options,
                                         const std::set<std::string>& wanted, bool uprobe_multi) {
  SkeletonPtr skeleton(sensor_bpf__open());
  if (skeleton == nullptr) {
    return absl::InternalError(absl::StrCat("opening the programs: ", TakeLibbpfComplaint()));
  }
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton->obj) {
    bpf_program__set_autoload(program, wanted.count(bpf_program__name(program)) != 0);
    if (uprobe_multi && IsWitness(bpf_program__name(program))) PrepareForUprobeMulti(program);
  }
  const uint32_t high_bytes = RingBytes(options.high_ring_bytes);
  const uint32_t low_bytes = RingBytes(options.low_ring_bytes);
  bpf_map__set_max_entries(skeleton->maps.ring_high, high_bytes);
  bpf_map__set_max_entries(skeleton->maps.ring_low, low_bytes);
  bpf_map__set_max_entries(skeleton->maps.losses, std::max(libbpf_num_possible_cpus(), 1));
  bpf_map__set_max_entries(skeleton->maps.processes, std::max(options.max_processes, 64u));
  bpf_map__set_max_entries(skeleton->maps.sockets, std::max(options.max_sockets, 64u));

  skeleton->rodata->ht_scope_netns = options.scope_network_namespace;
  skeleton->rodata->ht_low_wakeup_bytes = low_bytes / 8;
  SetBudget(skeleton.get(), HT_RING_HIGH, high_bytes, options.budget_bytes_per_second);
  SetBudget(skeleton.get(), HT_RING_LOW, low_bytes, options.budget_bytes_per_second);
  for (uint16_t port : options.watched_ports) {
    skeleton->rodata->ht_watched_ports[port / 64] |= uint64_t{1} << (port % 64);
  }
  uint64_t key = 0;
  if (getrandom(&key, sizeof(key), 0) != sizeof(key)) {
    return absl::InternalError(absl::StrCat("getrandom: ", strerror(errno)));
  }
  skeleton->rodata->ht_socket_key = key;
  return skeleton;
}

std::set<std::string> ProgramsOf(const std::vector<PlannedFact>& plan) {
  std::set<std::string> programs;
  for (const PlannedFact& fact : plan) {
    for (const HookCandidate& candidate : fact.candidates) {
      programs.insert(candidate.programs.begin(), candidate.programs.end());
    }
  }
  for (const WitnessFact& fact : WitnessTable()) {
    for (const WitnessProbe& probe : fact.probes) programs.insert(probe.program);
  }
  return programs;
}

bool Uses(const HookCandidate& candidate, const std::string& program) {
  return std::find(candidate.programs.begin(), candidate.programs.end(), program) !=
         candidate.programs.end();
}

// Takes every candidate that needs `program` out of the plan.
void Refuse(const std::string& program, const std::string& reason, std::vector<PlannedFact>* plan) {
  for (PlannedFact& fact : *plan) {
    for (auto candidate = fact.candidates.begin(); candidate != fact.candidates.end();) {
      if (Uses(*candidate, program)) {
        fact.refusals.push_back(absl::StrCat(candidate->hook, ": ", reason));
        candidate = fact.candidates.erase(candidate);
      } else {
        ++candidate;
      }
    }
  }
}

}  // namespace

void SkeletonDeleter::operator()(sensor_bpf* skeleton) const { sensor_bpf__destroy(skeleton); }

std::string TakeLibbpfComplaint() { return std::exchange(last_complaint, ""); }

absl::StatusOr<Programs> Programs::Load(const SensorOptions& options) {
  libbpf_set_print(KeepComplaint);
  HT_RETURN_IF_ERROR(CheckPrerequisites());
  EnsureTracefs();
  std::vector<PlannedFact> plan = MakePlan(ProbeFeatures(), options.syscall_hooks);
  Programs programs;
  programs.uprobe_multi_ = TryUprobeMulti();
  HT_RETURN_IF_ERROR(programs.LoadPlan(options, &plan));
  programs.AttachPlan(plan);
  return programs;
}

absl::Status Programs::LoadPlan(const SensorOptions& options, std::vector<PlannedFact>* plan) {
  std::set<std::string> wanted = ProgramsOf(*plan);
  HT_ASSIGN_OR_RETURN(skeleton_, OpenSkeleton(options, wanted, uprobe_multi_.ok()));
  const int error = sensor_bpf__load(skeleton_.get());
  if (error == 0) return absl::OkStatus();
  const std::string complaint = TakeLibbpfComplaint();

  // Some program is refused though its hook was not: find out which, one by one.
  std::set<std::string> loadable;
  for (const std::string& program : ProgramsOf(*plan)) {
    HT_ASSIGN_OR_RETURN(SkeletonPtr alone, OpenSkeleton(options, {program}, uprobe_multi_.ok()));
    if (const int refused = sensor_bpf__load(alone.get()); refused != 0) {
      Refuse(program, absl::StrCat("load refused: ", strerror(-refused)), plan);
    } else {
      loadable.insert(program);
    }
  }
  const std::string what =
      absl::StrCat("loading the programs: ", strerror(-error), " (", complaint, ")");
  if (loadable.empty()) {
    return error == -EPERM || error == -EACCES ? absl::PermissionDeniedError(what)
                                               : absl::FailedPreconditionError(what);
  }
  HT_ASSIGN_OR_RETURN(skeleton_, OpenSkeleton(options, loadable, uprobe_multi_.ok()));
  if (sensor_bpf__load(skeleton_.get()) != 0) return absl::FailedPreconditionError(what);
  return absl::OkStatus();
}

const bpf_link* Programs::link(const std::string& program) const {
  const auto found = links_.find(program);
  return found == links_.end() ? nullptr : found->second.get();
}

void Programs::AttachPlan(const std::vector<PlannedFact>& plan) {
  for (const PlannedFact& fact : plan) {
    model::FactCoverage coverage{.fact = fact.fact, .refusals = fact.refusals};
    for (const HookCandidate& candidate : fact.candidates) {
      std::map<std::string, LinkPtr> links;
      for (const std::string& name : candidate.programs) {
        bpf_program* program = bpf_object__find_program_by_name(skeleton_->obj, name.c_str());
        LinkPtr link(program == nullptr ? nullptr : bpf_program__attach(program));
        if (link == nullptr) break;
        links[name] = std::move(link);
      }
      if (links.size() == candidate.programs.size()) {
        links_.merge(links);
        coverage.hook = candidate.hook;
        coverage.tier = TierOf(fact.fact, candidate.hook);
        break;
      }
      coverage.refusals.push_back(
          absl::StrCat(candidate.hook, ": attach refused: ", strerror(errno)));
    }
    coverage_.push_back(std::move(coverage));
  }
}

}  // namespace hoptrail::agent::kernel
