#ifndef HOPTRAIL_AGENT_KERNEL_PROCESSES_PROCESS_LIST_H_
#define HOPTRAIL_AGENT_KERNEL_PROCESSES_PROCESS_LIST_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/unique_fd.h"

namespace hoptrail::agent::kernel {

// /proc as a list of processes ordered by pid, which can be read from any pid on. One thread.
class ProcessList {
 public:
  ProcessList();

  // The pids from `first` to `last`, both included; the lowest `most` of them.
  std::vector<uint32_t> Between(uint32_t first, uint32_t last, size_t most = SIZE_MAX) const;

  // The pid that the kernel assigned last, to a process or a thread. It assigns pids in ascending
  // order and wraps around. Nothing where this /proc does not show it.
  std::optional<uint32_t> Newest() const;

  // An upper estimate of the number of processes.
  size_t Count() const;

  // The number of pids before the kernel wraps around.
  static uint32_t PidSpace();

 private:
  UniqueFd directory_;
  bool seekable_ = false;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PROCESSES_PROCESS_LIST_H_
