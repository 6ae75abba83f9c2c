#include "agent/kernel/programs/skeleton.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "bpf/abi/events.h"
#include "bpf/sensor.skel.h"

#include "agent/kernel/objects/libbpf_log.h"
#include "agent/kernel/uprobes/uprobe_multi.h"
#include <sys/random.h>

namespace hoptrail::agent::kernel {
namespace {

uint32_t RingBytes(uint32_t wanted) {
  uint32_t bytes = 4096;
  while (bytes < wanted && bytes < (1u << 30)) bytes *= 2;
  return bytes;
}

uint64_t AtLeastOneNs(absl::Duration interval) {
  return static_cast<uint64_t>(std::max<int64_t>(absl::ToInt64Nanoseconds(interval), 1));
}

// Sets what one cgroup may write to a ring that fills up.
void SetBudget(sensor_bpf* skeleton, ht_ring ring, uint32_t ring_bytes, uint32_t bytes_per_second) {
  constexpr uint32_t kLeastRate = 16 << 10, kLeastBurst = 4 << 10;
  const uint64_t rate =
      bytes_per_second != 0 ? bytes_per_second : std::max(ring_bytes / 16, kLeastRate);
  const uint64_t burst = std::max(ring_bytes / 64, kLeastBurst);
  skeleton->rodata->ht_ring_bytes[ring] = ring_bytes;
  skeleton->rodata->ht_budget_byte_ns[ring] = 1'000'000'000 / rate;
  skeleton->rodata->ht_budget_burst_ns[ring] = burst * 1'000'000'000 / rate;
}

bool* FlagOf(sensor_bpf* skeleton, KernelFlag flag) {
  switch (flag) {
    case KernelFlag::kExitFirst:
      return &skeleton->rodata->ht_exit_first;
    case KernelFlag::kAcceptByUse:
      return &skeleton->rodata->ht_accept_by_use;
    case KernelFlag::kHandoverByUse:
      return &skeleton->rodata->ht_handover_by_use;
    case KernelFlag::kTcpAttachedTwice:
      break;
  }
  return &skeleton->bss->ht_tcp_attached_twice;
}

}  // namespace

void SkeletonDeleter::operator()(sensor_bpf* skeleton) const { sensor_bpf__destroy(skeleton); }

void SetFlag(sensor_bpf* skeleton, KernelFlag flag, bool value) { *FlagOf(skeleton, flag) = value; }

absl::StatusOr<SkeletonPtr> OpenSkeleton(const SensorOptions& options,
                                         const std::vector<PlannedSource>& plan,
                                         const std::set<std::string>& wanted,
                                         const std::map<std::string, UprobeMethod>& methods) {
  SkeletonPtr skeleton(sensor_bpf__open());
  if (skeleton == nullptr) {
    return absl::InternalError(absl::StrCat("opening the programs: ", TakeLibbpfComplaint()));
  }
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton->obj) {
    bpf_program__set_autoload(program, wanted.count(bpf_program__name(program)) != 0);
    if (IsForUprobeMulti(bpf_program__name(program), methods)) PrepareForUprobeMulti(program);
  }
  const uint32_t high_bytes = RingBytes(options.high_ring_bytes);
  const uint32_t low_bytes = RingBytes(options.low_ring_bytes);
  bpf_map__set_max_entries(skeleton->maps.ring_high, high_bytes);
  bpf_map__set_max_entries(skeleton->maps.ring_low, low_bytes);
  bpf_map__set_max_entries(skeleton->maps.losses, std::max(libbpf_num_possible_cpus(), 1));
  bpf_map__set_max_entries(skeleton->maps.processes, std::max(options.max_processes, 64u));
  bpf_map__set_max_entries(skeleton->maps.sockets, std::max(options.max_sockets, 64u));
  // Flows above the maximum are counted together, in as many entries again.
  const uint32_t max_flows = std::max(options.max_flows, 64u);
  skeleton->rodata->ht_max_flows = max_flows;
  bpf_map__set_max_entries(skeleton->maps.flows, 2 * max_flows);
  bpf_map__set_max_entries(skeleton->maps.due_flows, 2 * max_flows);

  for (const KernelFlag flag : FlagsOf(plan)) SetFlag(skeleton.get(), flag, true);
  skeleton->rodata->ht_scope_netns = options.scope_network_namespace;
  skeleton->rodata->ht_low_wakeup_bytes = low_bytes / 8;
  skeleton->rodata->ht_datagram_interval_ns = AtLeastOneNs(options.datagram_interval);
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

}  // namespace hoptrail::agent::kernel
