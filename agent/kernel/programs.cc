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
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "bpf/abi/events.h"
#include "bpf/sensor.skel.h"

#include "agent/kernel/cgroup_root.h"
#include "agent/kernel/features.h"
#include "agent/kernel/own_objects.h"
#include "agent/kernel/uprobe_multi.h"
#include "agent/kernel/watched_files.h"
#include "core/base/log.h"
#include "core/base/status_macros.h"
#include <sys/random.h>

namespace hoptrail::agent::kernel {
namespace {

thread_local std::string last_complaint;
// The program that libbpf last failed to load, and the verifier's last word on it.
thread_local std::string refused_program;
thread_local std::string refused_because;

// Of "libbpf: prog 'NAME': WHAT", the name; empty for other lines. `what` is what follows it.
std::string ProgramNamedIn(absl::string_view text, absl::string_view* what) {
  if (!absl::ConsumePrefix(&text, "libbpf: prog '")) return "";
  const size_t quote = text.find("': ");
  if (quote == absl::string_view::npos) return "";
  *what = text.substr(quote + 3);
  return std::string(text.substr(0, quote));
}

// The line before the statistics that close a verifier's log.
std::string LastWord(absl::string_view log) {
  std::string word;
  for (absl::string_view line : absl::StrSplit(log, '\n')) {
    if (absl::StartsWith(line, "processed ") || absl::StartsWith(line, "-- END")) break;
    if (!line.empty()) word = std::string(line.substr(0, 200));
  }
  return word;
}

int KeepComplaint(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;
  va_list again;
  va_copy(again, arguments);
  std::string line(static_cast<size_t>(std::max(vsnprintf(nullptr, 0, format, again), 0)) + 1, 0);
  va_end(again);
  vsnprintf(line.data(), line.size(), format, arguments);
  const absl::string_view text = absl::StripAsciiWhitespace(line.c_str());
  absl::string_view what;
  const std::string program = ProgramNamedIn(text, &what);
  if (absl::StartsWith(what, "-- BEGIN PROG LOAD LOG")) {
    refused_because = LastWord(what);
    return 0;
  }
  if (absl::StartsWith(what, "failed to ")) refused_program = program;
  // Of a verifier log, only libbpf's own lines around it.
  if (absl::StartsWith(text, "libbpf: ")) last_complaint = std::string(text.substr(0, 300));
  return 0;
}

uint32_t RingBytes(uint32_t wanted) {
  uint32_t bytes = 4096;
  while (bytes < wanted && bytes < (1u << 30)) bytes *= 2;
  return bytes;
}

uint64_t AtLeastOneNs(absl::Duration interval) {
  return static_cast<uint64_t>(std::max<int64_t>(absl::ToInt64Nanoseconds(interval), 1));
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

// Whether a witness's program is attached by AttachUprobeMulti().
bool IsForUprobeMulti(const std::string& program, const std::map<std::string, WitnessWay>& ways) {
  for (const WitnessFact& fact : WitnessTable()) {
    for (const WitnessProbe& probe : fact.probes) {
      if (probe.program == program) return ways.at(fact.fact).tier == 1;
    }
  }
  return false;
}

absl::StatusOr<SkeletonPtr> OpenSkeleton(const SensorOptions& options,
                                         const std::set<std::string>& wanted,
                                         const std::map<std::string, WitnessWay>& ways) {
  SkeletonPtr skeleton(sensor_bpf__open());
  if (skeleton == nullptr) {
    return absl::InternalError(absl::StrCat("opening the programs: ", TakeLibbpfComplaint()));
  }
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton->obj) {
    bpf_program__set_autoload(program, wanted.count(bpf_program__name(program)) != 0);
    if (IsForUprobeMulti(bpf_program__name(program), ways)) PrepareForUprobeMulti(program);
  }
  const uint32_t high_bytes = RingBytes(options.high_ring_bytes);
  const uint32_t low_bytes = RingBytes(options.low_ring_bytes);
  bpf_map__set_max_entries(skeleton->maps.ring_high, high_bytes);
  bpf_map__set_max_entries(skeleton->maps.ring_low, low_bytes);
  bpf_map__set_max_entries(skeleton->maps.losses, std::max(libbpf_num_possible_cpus(), 1));
  bpf_map__set_max_entries(skeleton->maps.processes, std::max(options.max_processes, 64u));
  bpf_map__set_max_entries(skeleton->maps.sockets, std::max(options.max_sockets, 64u));
  // As many again for what is counted together once there are so many.
  const uint32_t max_flows = std::max(options.max_flows, 64u);
  skeleton->rodata->ht_max_flows = max_flows;
  bpf_map__set_max_entries(skeleton->maps.flows, 2 * max_flows);
  bpf_map__set_max_entries(skeleton->maps.due_flows, 2 * max_flows);

  skeleton->rodata->ht_tcp_state_first = wanted.count("ht_tcp_state") != 0;
  skeleton->rodata->ht_scope_netns = options.scope_network_namespace;
  skeleton->rodata->ht_low_wakeup_bytes = low_bytes / 8;
  skeleton->rodata->ht_sends_interval_ns = AtLeastOneNs(options.sends_interval);
  skeleton->rodata->ht_unix_interval_ns = AtLeastOneNs(options.unix_interval);
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

// What is tried next: for each fact the best candidate that is left.
std::set<std::string> ProgramsOf(const std::vector<PlannedFact>& plan) {
  std::set<std::string> programs;
  for (const PlannedFact& fact : plan) {
    if (fact.candidates.empty()) continue;
    const HookCandidate& candidate = fact.candidates[0];
    programs.insert(candidate.programs.begin(), candidate.programs.end());
    for (const OptionalProgram& optional : candidate.optional) programs.insert(optional.program);
    for (const Understudy& understudy : candidate.understudies) programs.insert(understudy.program);
  }
  return programs;
}

std::set<std::string> WitnessPrograms() {
  std::set<std::string> programs;
  for (const WitnessFact& fact : WitnessTable()) {
    for (const WitnessProbe& probe : fact.probes) programs.insert(probe.program);
  }
  programs.insert(WatchedFiles::kProgram);
  return programs;
}

bool Uses(const HookCandidate& candidate, const std::string& program) {
  return std::find(candidate.programs.begin(), candidate.programs.end(), program) !=
         candidate.programs.end();
}

// Takes every candidate that needs `program` out of the plan, and `program` out of those that can
// do without it.
void Refuse(const std::string& program, const std::string& reason, std::vector<PlannedFact>* plan) {
  for (PlannedFact& fact : *plan) {
    for (auto candidate = fact.candidates.begin(); candidate != fact.candidates.end();) {
      if (Uses(*candidate, program)) {
        fact.refusals.push_back(absl::StrCat(candidate->hook, ": ", reason));
        candidate = fact.candidates.erase(candidate);
        continue;
      }
      for (size_t i = 0; i < candidate->optional.size(); ++i) {
        if (candidate->optional[i].program != program) continue;
        candidate->lacks.push_back(absl::StrCat(candidate->optional[i].hook, ": ", reason));
        candidate->optional.erase(candidate->optional.begin() + static_cast<ptrdiff_t>(i--));
      }
      std::erase_if(candidate->understudies,
                    [&](const Understudy& understudy) { return understudy.program == program; });
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

void SkeletonDeleter::operator()(sensor_bpf* skeleton) const { sensor_bpf__destroy(skeleton); }

std::string TakeLibbpfComplaint() { return std::exchange(last_complaint, ""); }

absl::StatusOr<Programs> Programs::Load(const SensorOptions& options) {
  libbpf_set_print(KeepComplaint);
  HT_RETURN_IF_ERROR(CheckPrerequisites());
  EnsureTracefs();
  std::vector<PlannedFact> plan =
      MakePlan(ProbeFeatures(), options.syscall_hooks, options.force_tiers);
  Programs programs;
  programs.witness_ways_ = PlanWitnesses(TryUprobeMulti(), options.force_tiers);
  do {
    HT_RETURN_IF_ERROR(programs.LoadPlan(options, &plan));
  } while (!programs.AttachPlan(&plan));
  programs.NameOwnObjects();
  if (!ProbeFeatures().preempts_tracepoints) return programs;
  // Of those that cost next to nothing; a change of a socket's state comes often.
  for (const char* program : {"ht_fork", "ht_exec", "ht_exit"}) {
    const Understudy* understudy = programs.UnderstudyOf(program);
    if (understudy != nullptr) programs.AttachUnderstudy(*understudy);
  }
  return programs;
}

absl::Status Programs::LoadPlan(const SensorOptions& options, std::vector<PlannedFact>* plan) {
  std::set<std::string> witnesses = WitnessPrograms();
  while (true) {
    std::set<std::string> wanted = ProgramsOf(*plan);
    wanted.insert(witnesses.begin(), witnesses.end());
    HT_ASSIGN_OR_RETURN(skeleton_, OpenSkeleton(options, wanted, witness_ways_));
    refused_program.clear();
    refused_because.clear();
    const int error = sensor_bpf__load(skeleton_.get());
    if (error == 0) return absl::OkStatus();

    // libbpf names the program that the kernel refused; without one it is not for a program.
    const std::string what =
        absl::StrCat("loading the programs: ", strerror(-error), " (", TakeLibbpfComplaint(), ")");
    if (wanted.erase(refused_program) == 0 || wanted.empty()) {
      return error == -EPERM || error == -EACCES ? absl::PermissionDeniedError(what)
                                                 : absl::FailedPreconditionError(what);
    }
    std::string reason = absl::StrCat("load refused: ", strerror(-error));
    if (!refused_because.empty()) absl::StrAppend(&reason, ": ", refused_because);
    Log(LogLevel::kDebug, "kernel", absl::StrCat(refused_program, ": ", reason));
    Refuse(refused_program, reason, plan);
    witnesses.erase(refused_program);
  }
}

void Programs::NameOwnObjects() const {
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

const Understudy* Programs::UnderstudyOf(const std::string& program) const {
  const auto found = understudies_.find(program);
  return found == understudies_.end() ? nullptr : &found->second;
}

bool Programs::AttachUnderstudy(Understudy understudy) {
  if (links_.count(understudy.program) != 0) return true;
  std::string reason;
  LinkPtr link = Attach(skeleton_->obj, understudy.program, &reason);
  const std::string hook = absl::StrCat(understudy.hook, " beside ", understudy.of);
  if (link == nullptr) {
    Log(LogLevel::kWarning, "kernel", absl::StrCat(hook, ": attach refused: ", reason));
    understudies_.erase(understudy.of);
    return false;
  }
  Log(LogLevel::kInfo, "kernel", absl::StrCat(hook, ": attached, since runs of that are skipped"));
  NameOwnLink(link);
  links_[understudy.program] = std::move(link);
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

bool Programs::AttachPlan(std::vector<PlannedFact>* plan) {
  bool whole = true;
  for (PlannedFact& fact : *plan) {
    if (fact.candidates.empty()) continue;
    HookCandidate& candidate = fact.candidates[0];
    std::string refusal, reason;
    for (const std::string& name : candidate.programs) {
      if (links_.count(name) != 0) continue;  // for another fact
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
    fact.refusals.push_back(std::move(refusal));
    fact.candidates.erase(fact.candidates.begin());
    whole = false;
  }
  if (!whole) {
    links_.clear();
    return false;
  }
  for (const PlannedFact& fact : *plan) {
    if (fact.candidates.empty()) continue;
    for (const Understudy& understudy : fact.candidates[0].understudies) {
      understudies_.emplace(understudy.of, understudy);
    }
  }
  for (const PlannedFact& fact : *plan) {
    model::FactCoverage& coverage = coverage_.emplace_back();
    coverage.fact = fact.fact;
    coverage.refusals = fact.refusals;
    if (fact.candidates.empty()) continue;
    coverage.hook = fact.candidates[0].hook;
    const std::vector<std::string>& lacks = fact.candidates[0].lacks;
    coverage.refusals.insert(coverage.refusals.end(), lacks.begin(), lacks.end());
    coverage.tier = TierOf(fact.fact, coverage.hook);
    std::set<std::string> attached;
    for (const auto& [program, link] : links_) attached.insert(program);
    coverage.misses = MissesOf(fact.fact, coverage.hook, attached);
  }
  return true;
}

}  // namespace hoptrail::agent::kernel
