#ifndef HOPTRAIL_AGENT_STOP_STOP_ORIGIN_H_
#define HOPTRAIL_AGENT_STOP_STOP_ORIGIN_H_

#include <cstdint>
#include <deque>
#include <string>

#include "core/model/fact.h"
#include "core/model/ids.h"

namespace hoptrail::agent {

// The signal that asked the agent to end, as its supervisor received it.
struct StopSignal {
  enum class From : uint8_t {
    kProcess,  // kill(2): the kernel filled in the sender
    kKernel,   // Ctrl-C at its terminal
    kUnknown,  // sigqueue(3): the sender filled in any values
  };

  uint32_t number = 0;  // SIGTERM; 0: there was none
  From from = From::kProcess;
  uint32_t pid = 0;  // kProcess: in the agent's pid namespace; 0: the sender is outside of it
  uint32_t uid = 0;  // kProcess
  bool by_parent = false;
};

// Finds out who asked the agent to end, from the signal that the supervisor received, the signals
// that the kernel side saw, and the commands to the service manager. Pure; one thread.
class StopOrigin {
 public:
  // The sender of a signal to the supervisor, seen by the kernel side or found in the process
  // table.
  struct Sender {
    uint32_t signal = 0;
    uint64_t boot_ns = 0;
    model::ProcessKey process;  // empty: a person at the terminal
    uint32_t uid = 0;
    std::string command;       // comm
    model::SessionId session;  // empty where unknown
    bool manager = false;      // it manages the agent's service
  };

  // A session started a program that may make the service manager end the agent.
  struct Command {
    uint64_t boot_ns = 0;
    model::ProcessKey process;
    uint32_t uid = 0;
    std::string line;  // its arguments
    model::SessionId session;
    bool by_login = false;        // the session is a login
    std::string package_manager;  // the path of the one that ran it; empty if none did
  };

  void OnSignal(Sender sender);
  void OnCommand(Command command);

  // The sender of `signal`; null where neither the kernel side nor the process table shows one.
  const Sender* Seen(const StopSignal& signal, uint64_t now_boot_ns) const;
  // kServiceManager and kPackageManager with a session: that session asked for it.
  model::Goodbye Find(const StopSignal& signal, uint64_t now_boot_ns) const;

 private:
  model::Goodbye ByManager(uint64_t now_boot_ns) const;
  const Command* LikeliestCommand(uint64_t now_boot_ns) const;

  // The latest ones, bounded.
  std::deque<Sender> senders_;
  std::deque<Command> commands_;
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_STOP_STOP_ORIGIN_H_
