#ifndef HOPTRAIL_AGENT_KERNEL_PROCESSES_PROCESS_LIST_H_
#define HOPTRAIL_AGENT_KERNEL_PROCESSES_PROCESS_LIST_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/unique_fd.h"

namespace hoptrail::agent::kernel {

// /proc as a list of processes in the order of their pids, which can be read from anywhere. One
// thread.
class ProcessList {
 public:
  ProcessList();

  // The pids of processes from `first` to `last`, both included; at most `most`, the lowest.
  std::vector<uint32_t> Between(uint32_t first, uint32_t last, size_t most = SIZE_MAX) const;

  // The pid that was given last, to a process or a thread: the kernel gives them in a row, and
  // begins again at the lowest. Nothing where this /proc does not tell that of itself.
  std::optional<uint32_t> Newest() const;

  // About how many processes there are: not fewer.
  size_t Count() const;

  // The number of pids that the kernel gives before it begins again.
  static uint32_t PidSpace();

 private:
  UniqueFd directory_;
  bool seekable_ = false;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PROCESSES_PROCESS_LIST_H_
