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

// How many records the kernel side could not write since the sensor was opened.
struct LossCount {
  // "ring/high", "ring/low": the ring was full. "budget/high", "budget/low": the cgroup had used up
  // its budget. "skipped": recursion misses, each of which may have made one record.
  // "table/processes", "table/sockets": entries for which a table had no room.
  std::string where;
  std::string type;  // "exec"; empty for tables
  uint32_t cpu = 0;
  uint64_t count = 0;
};

// The kernel side's loss counters, read through a mapping, which takes no privilege. One thread.
class LossCounters {
 public:
  // `fd`: an array map with one ht_losses for each of `cpus` CPUs. `reported_fd`: memory that keeps
  // what was reported, so that the next reader continues from there; -1: memory of its own.
  static absl::StatusOr<LossCounters> Map(int fd, uint32_t cpus, int reported_fd = -1);

  // Memory for `reported_fd` in which nothing is reported yet.
  static absl::StatusOr<UniqueFd> MakeReportedMemory();

  // Every counter that is not 0.
  std::vector<LossCount> Read() const;

  // Passes one ht_lost to `receiver` for each kind of record that was lost since the last call that
  // passed any. At most once a second, because a flood loses records all the time, unless
  // `at_once`. Returns how many it passed.
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

  // The kernel writes during the read; each counter is one aligned word.
  const volatile ht_losses& Of(uint32_t cpu) const;

  Mapping memory_;
  Mapping reported_;
  uint32_t cpus_;
  uint64_t next_report_boot_ns_ = 0;  // no report before this time
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_RING_LOSS_COUNTERS_H_
