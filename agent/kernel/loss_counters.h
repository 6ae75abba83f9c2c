#ifndef HOPTRAIL_AGENT_KERNEL_LOSS_COUNTERS_H_
#define HOPTRAIL_AGENT_KERNEL_LOSS_COUNTERS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "bpf/abi/events.h"

#include "agent/kernel/sensor.h"

namespace hoptrail::agent::kernel {

// The kernel's counters of what it could not record, mapped: reading them takes no privilege.
// One thread.
class LossCounters {
 public:
  // The array map `fd` has one ht_losses for each of `processors`.
  static absl::StatusOr<LossCounters> Map(int fd, uint32_t processors);

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

  LossCounters(const void* memory, size_t bytes, uint32_t processors)
      : memory_(memory, Unmap{bytes}), processors_(processors) {}

  // The kernel writes while this is read; each counter is one aligned word.
  const volatile ht_losses& Of(uint32_t processor) const;

  std::unique_ptr<const void, Unmap> memory_;
  uint32_t processors_;
  uint64_t told_[HT_LOSS_CAUSES][HT_RINGS][HT_TYPES] = {};
  uint64_t tell_boot_ns_ = 0;  // not before
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_LOSS_COUNTERS_H_
