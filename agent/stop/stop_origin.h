#ifndef HOPTRAIL_AGENT_STOP_STOP_ORIGIN_H_
#define HOPTRAIL_AGENT_STOP_STOP_ORIGIN_H_

#include <cstdint>
#include <deque>
#include <string>

#include "core/model/fact.h"
#include "core/model/ids.h"

namespace hoptrail::agent {

// What the agent's first process learnt of the signal that told it to end.
struct StopSignal {
  enum class From : uint8_t {
    kProcess,  // kill(2): the kernel filled in who
    kKernel,   // Ctrl-C at its terminal
    kUnknown,  // sigqueue(3): who sent it filled in what it liked
  };

  uint32_t number = 0;  // SIGTERM; 0: there was none
  From from = From::kProcess;
  uint32_t pid = 0;  // kProcess: in the agent's pid namespace; 0: the sender is outside of it
  uint32_t uid = 0;  // kProcess
  bool by_parent = false;
};

// Who asked the agent to end: puts together what its first process was told, what the kernel side
// saw of signals to it, and what logins asked the service manager for. Pure; one thread.
class StopOrigin {
 public:
  // A signal to the agent's first process, seen by the kernel side or found in the process table.
  struct Sender {
    uint32_t signal = 0;
    uint64_t boot_ns = 0;
    model::ProcessKey process;  // empty: the one who asked at a terminal
    uint32_t uid = 0;
    std::string command;       // comm
    model::SessionId session;  // empty where unknown
    bool manager = false;      // it is what runs the agent's service
  };

  // A login started a program that may make the service manager end the agent.
  struct Command {
    uint64_t boot_ns = 0;
    model::ProcessKey process;
    uint32_t uid = 0;
    std::string line;  // its arguments
    model::SessionId session;
  };

  void OnSignal(Sender sender);
  void OnCommand(Command command);

  // The kernel side's word on who sent `signal`; null where it has none.
  const Sender* Seen(const StopSignal& signal, uint64_t now_boot_ns) const;
  // SERVICE_MANAGER with a session: that login made it do so.
  model::Goodbye Find(const StopSignal& signal, uint64_t now_boot_ns) const;

 private:
  model::Goodbye ByManager(uint64_t now_boot_ns) const;

  // The latest few.
  std::deque<Sender> senders_;
  std::deque<Command> commands_;
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_STOP_STOP_ORIGIN_H_
