#ifndef HOPTRAIL_AGENT_KERNEL_PROCESSES_PROCESS_WALK_H_
#define HOPTRAIL_AGENT_KERNEL_PROCESSES_PROCESS_WALK_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "agent/kernel/processes/process_list.h"

namespace hoptrail::agent::kernel {

// Which processes to examine in each round, so that many idle processes cost nothing:
// - The young: those that were started since the last round, and again for kYoungRounds. In this
// time
//   a process enters its namespaces and runs its program.
// - A part of all others, so that each one's turn comes within kTurnRounds. This finds a process
// that
//   enters another namespace later, and what the first rule misses: a process whose pid was chosen
//   by its parent, and one of a flood that takes all pids between two rounds.
// The first round returns all processes. One thread.
class ProcessWalk {
 public:
  static constexpr size_t kYoungRounds = 6;
  static constexpr size_t kTurnRounds = 60;

  // The pids to examine in the next round. One may be in it twice.
  std::vector<uint32_t> Next();

 private:
  void AddYoung(std::vector<uint32_t>* pids);
  void AddTurn(std::vector<uint32_t>* pids);

  const ProcessList list_;
  const uint32_t pid_space_ = ProcessList::PidSpace();
  std::deque<uint32_t> newest_;  // the newest pid at the end of each of the last rounds
  uint32_t turn_ = 0;            // the last pid that had its turn
};

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PROCESSES_PROCESS_WALK_H_
