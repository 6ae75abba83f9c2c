#ifndef HOPTRAIL_AGENT_KERNEL_RING_LOSS_COUNTERS_H_
#define HOPTRAIL_AGENT_KERNEL_RING_LOSS_COUNTERS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "bpf/abi/events.h"

#include "agent/kernel/ring/receiver.h"
#include "core/base/unique_fd.h"

namespace hoptrail::agent::kernel {

// Records that were not written in the kernel, since the sensor was opened.
struct LossCount {
  // "ring/high", "ring/low": no room; "budget/high", "budget/low": refused to a cgroup that wrote
  // too much; "skipped": runs of programs that the kernel skipped, each of which may have reported
  // one; "table/processes", "table/sockets".
  std::string where;
  std::string type;  // "exec"; empty for tables
  uint32_t cpu = 0;
  uint64_t count = 0;
};

// The kernel's counters of what it could not record, mapped: reading them takes no privilege.
// One thread.
class LossCounters {
 public:
  // The array map `fd` has one ht_losses for each of `CPUs`. `reported_fd` is memory in which
  // it keeps what it has reported, so that whoever comes after it goes on from there; -1: its own.
  static absl::StatusOr<LossCounters> Map(int fd, uint32_t cpus, int reported_fd = -1);

  // Such memory, in which nothing is reported yet.
  static absl::StatusOr<UniqueFd> MakeReportedMemory();

  // Every counter that is not 0.
  std::vector<LossCount> Read() const;

  // Hands over one ht_lost for each kind of record that was lost since it last did so; at most once
  // a second, since a flood loses records all the time, unless `at_once`.
  size_t ReportNew(Receiver receiver, bool at_once = false);

 private:
  struct Unmap {
    size_t bytes = 0;
    void operator()(const void* memory) const;
  };

  using Reported = uint64_t[HT_LOSS_CAUSES][HT_RINGS][HT_TYPES];
  using Mapping = std::unique_ptr<const void, Unmap>;

  LossCounters(Mapping memory, Mapping reported, uint32_t cpus)
      : memory_(std::move(memory)), reported_(std::move(reported)), cpus_(cpus) {}
  Reported& reported() { return *static_cast<Reported*>(const_cast<void*>(reported_.get())); }

  // The kernel writes while this is read; each counter is one aligned word.
  const volatile ht_losses& Of(uint32_t cpu) const;

  Mapping memory_;
  Mapping reported_;
  uint32_t cpus_;
  uint64_t tell_boot_ns_ = 0;  // not before
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_RING_LOSS_COUNTERS_H_
