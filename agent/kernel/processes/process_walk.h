#ifndef HOPTRAIL_AGENT_KERNEL_PROCESSES_PROCESS_WALK_H_
#define HOPTRAIL_AGENT_KERNEL_PROCESSES_PROCESS_WALK_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "agent/kernel/processes/process_list.h"

namespace hoptrail::agent::kernel {

// Which processes are to be looked at, round by round, so that a host with many that do nothing
// costs nothing:
// - Those that came since the last round, and again for kYoungRounds: that is when a process enters
//   its namespaces and runs its program.
// - Of all the others a part, so that each one's turn comes within kTurnRounds. A process that
//   changes what it sees later is found then, and whatever else the first rule misses: a pid that
//   its maker chose; one of a flood of processes that takes all pids between two rounds.
// The first round is for all. One thread.
class ProcessWalk {
 public:
  static constexpr size_t kYoungRounds = 6;
  static constexpr size_t kTurnRounds = 60;

  // May name one twice.
  std::vector<uint32_t> Next();

 private:
  void AddYoung(std::vector<uint32_t>* pids);
  void AddTurn(std::vector<uint32_t>* pids);

  const ProcessList list_;
  const uint32_t pid_space_ = ProcessList::PidSpace();
  std::deque<uint32_t> newest_;  // pids at the ends of the last rounds, the latest last
  uint32_t turn_ = 0;            // the last pid whose turn it was
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PROCESSES_PROCESS_WALK_H_
