#ifndef HOPTRAIL_AGENT_KERNEL_PROGRAMS_RECURSION_MISSES_H_
#define HOPTRAIL_AGENT_KERNEL_PROGRAMS_RECURSION_MISSES_H_

// Runs of our programs that the kernel skipped. Only for this directory: it shows libbpf.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "bpf/abi/events.h"

#include "agent/kernel/programs/programs.h"

namespace hoptrail::agent::kernel {

// The kernel does not run a program that is running already on the same CPU: an interrupt
// that brings a packet while a socket's state is looked at, a task that is preempted in a hook. It
// counts that (bpf_prog_info::recursion_misses: for tracing programs since 5.12, raw tracepoints
// since 6.2, probes since 6.7) where only the privileged can read it; before, it either skips
// nothing or does not say. Here the counts go where the reader of the other losses finds them.
// One thread.
class RecursionMisses {
 public:
  // Of every program that is loaded now, for as long as those are.
  static absl::StatusOr<RecursionMisses> Map(const Programs& programs);

  // Reads the kernel's counts, one system call a program, of those given to Map(). A program that
  // was skipped gets its fallback program; from then on what that was skipped for counts, and no longer
  // what the program was.
  void Count(Programs& programs);

 private:
  struct Program {
    std::string name;
    int fd;
    uint32_t type;         // ht_type, of the records that it makes
    uint64_t skipped = 0;  // without a fallback
    bool has_fallback = false;  // it has one
  };
  struct Unmap {
    void operator()(ht_losses* losses) const;
  };

  RecursionMisses() = default;

  std::vector<Program> programs_;
  std::unique_ptr<ht_losses, Unmap> losses_;  // the first CPU's
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PROGRAMS_RECURSION_MISSES_H_
