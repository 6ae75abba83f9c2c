#ifndef HOPTRAIL_AGENT_KERNEL_PROGRAMS_RECURSION_MISSES_H_
#define HOPTRAIL_AGENT_KERNEL_PROGRAMS_RECURSION_MISSES_H_

// Counts runs of our programs that the kernel skipped. Only for agent/kernel: it shows libbpf.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bpf/abi/events.h"

#include "agent/kernel/programs/programs.h"

namespace hoptrail::agent::kernel {

// The kernel does not run a program while the same program runs on the same CPU: an interrupt may
// bring a packet while a socket's state is recorded, or a task may be preempted in a hook. It
// counts that in bpf_prog_info::recursion_misses (tracing programs since 5.12, raw tracepoints
// since 6.1, probes since 6.7; older kernels skip nothing or do not count), which only the
// privileged can read. This copies the counts to where the reader finds the other losses. One
// thread.
class RecursionMisses {
 public:
  // For all programs that are loaded now; they must stay loaded.
  static absl::StatusOr<RecursionMisses> Map(const Programs& programs);

  // Reads the kernel's counts, with one system call for each program. `programs`: those that were
  // passed to Map(). A program with a miss gets its fallback program; from then on the fallback
  // program's misses count as losses, and no longer the program's own.
  void Count(Programs& programs);

 private:
  struct Program {
    std::string name;
    int fd;
    uint32_t type;              // ht_type of the records that it makes
    uint64_t misses = 0;        // up to when the fallback program was attached
    bool has_fallback = false;  // its fallback program is attached
  };
  struct Unmap {
    void operator()(ht_losses* losses) const;
  };

  RecursionMisses() = default;

  std::vector<Program> programs_;
  std::unique_ptr<ht_losses, Unmap> losses_;  // of the first CPU
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PROGRAMS_RECURSION_MISSES_H_
