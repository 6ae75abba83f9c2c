#ifndef HOPTRAIL_AGENT_KERNEL_LOSS_COUNTERS_H_
#define HOPTRAIL_AGENT_KERNEL_LOSS_COUNTERS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "bpf/abi/events.h"

#include "agent/kernel/sensor.h"
#include "core/base/unique_fd.h"

namespace hoptrail::agent::kernel {

// The kernel's counters of what it could not record, mapped: reading them takes no privilege.
// One thread.
class LossCounters {
 public:
  // The array map `fd` has one ht_losses for each of `processors`. `told_fd` is memory in which it
  // keeps what it has told, so that whoever comes after it goes on from there; -1: its own.
  static absl::StatusOr<LossCounters> Map(int fd, uint32_t processors, int told_fd = -1);

  // Such memory, in which nothing is told yet.
  static absl::StatusOr<UniqueFd> MakeToldMemory();

  // Every counter that is not 0.
  std::vector<LossCount> Read() const;

  // Hands over one ht_lost for each kind of record that was lost since it last did so; at most once
  // a second, since a flood loses records all the time, unless `at_once`.
  size_t TellNew(absl::FunctionRef<void(const void*, size_t)> receiver, bool at_once = false);

 private:
  struct Unmap {
    size_t bytes = 0;
    void operator()(const void* memory) const;
  };

  using Told = uint64_t[HT_LOSS_CAUSES][HT_RINGS][HT_TYPES];
  using Mapping = std::unique_ptr<const void, Unmap>;

  LossCounters(Mapping memory, Mapping told, uint32_t processors)
      : memory_(std::move(memory)), told_(std::move(told)), processors_(processors) {}
  Told& told() { return *static_cast<Told*>(const_cast<void*>(told_.get())); }

  // The kernel writes while this is read; each counter is one aligned word.
  const volatile ht_losses& Of(uint32_t processor) const;

  Mapping memory_;
  Mapping told_;
  uint32_t processors_;
  uint64_t tell_boot_ns_ = 0;  // not before
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_LOSS_COUNTERS_H_
