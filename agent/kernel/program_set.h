#ifndef HOPTRAIL_AGENT_KERNEL_PROGRAM_SET_H_
#define HOPTRAIL_AGENT_KERNEL_PROGRAM_SET_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"

#include "agent/kernel/plan/options.h"
#include "agent/kernel/reader.h"
#include "agent/kernel/snapshot/snapshot.h"
#include "core/base/unique_fd.h"
#include "core/model/fact.h"

namespace hoptrail::agent::kernel {

// The half of a sensor that needs privileges: the programs, loaded and attached as long as this
// lives. It never reads a record. One thread.
class ProgramSet {
 public:
  // See Sensor::Open().
  static absl::StatusOr<std::unique_ptr<ProgramSet>> Open(const SensorOptions& options);

  ~ProgramSet();
  // Removes all programs from the kernel, in threads, which is faster than the destructor. Nothing
  // works any more afterwards.
  void Detach();
  ProgramSet(const ProgramSet&) = delete;
  ProgramSet& operator=(const ProgramSet&) = delete;

  // Valid while this lives.
  Handles handles() const;
  // See Sensor.
  std::vector<model::SourceCoverage> Coverage() const;
  size_t AttachNewUprobes();
  void ProtectProcesses(const std::vector<uint32_t>& tgids);
  // Writes the number of recursion misses so far to where the reader finds the losses.
  void CountRecursionMisses();
  // Whether AttachNewUprobes() needs CAP_SYS_ADMIN, too. It always needs CAP_BPF, CAP_PERFMON,
  // CAP_SYS_PTRACE and, to find watched files in other users' directories, CAP_DAC_READ_SEARCH.
  bool needs_sys_admin() const;
  // A new iterator for one walk, whose reader may be another process. NOT_FOUND where the kernel
  // has no such iterator.
  absl::StatusOr<UniqueFd> OpenIterator(Walk walk);

 private:
  class Impl;
  explicit ProgramSet(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PROGRAM_SET_H_
