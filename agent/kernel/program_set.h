#ifndef HOPTRAIL_AGENT_KERNEL_PROGRAM_SET_H_
#define HOPTRAIL_AGENT_KERNEL_PROGRAM_SET_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"

#include "agent/kernel/reader.h"
#include "agent/kernel/sensor.h"
#include "agent/kernel/snapshot/snapshot.h"
#include "core/base/unique_fd.h"
#include "core/model/fact.h"

namespace hoptrail::agent::kernel {

// The half of a sensor that takes privileges: the programs, loaded and attached for as long as it
// lives. It never looks at a record. One thread.
class ProgramSet {
 public:
  // See Sensor::Open.
  static absl::StatusOr<std::unique_ptr<ProgramSet>> Open(const SensorOptions& options);

  ~ProgramSet();
  // Takes every program off the kernel, faster than the destructor, and with threads. Nothing works
  // any more afterwards.
  void Detach();
  ProgramSet(const ProgramSet&) = delete;
  ProgramSet& operator=(const ProgramSet&) = delete;

  // Valid while this lives.
  Handles handles() const;
  // See Sensor.
  std::vector<model::SourceCoverage> Coverage() const;
  size_t AttachNewUprobes();
  void ProtectProcesses(const std::vector<uint32_t>& tgids);
  // Puts the number of runs that the kernel skipped so far where the reader finds its losses.
  void CountRecursionMisses();
  // What AttachNewUprobes needs beside CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE and, to find what is
  // watched in other users' directories, CAP_DAC_READ_SEARCH.
  bool needs_sys_admin() const;
  // A fresh iterator over what there is, to be read by whoever gets it; NOT_FOUND where the kernel
  // cannot be walked that way.
  absl::StatusOr<UniqueFd> OpenIterator(Walk walk);

 private:
  class Impl;
  explicit ProgramSet(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PROGRAM_SET_H_
