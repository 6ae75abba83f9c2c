#ifndef HOPTRAIL_AGENT_STOP_STOP_REQUEST_H_
#define HOPTRAIL_AGENT_STOP_STOP_REQUEST_H_

// Encodes the signal that the supervisor received for its message to the worker.

#include <cstdint>

#include "agent/stop/stop_origin.h"
#include <sys/signalfd.h>
#include <sys/types.h>

namespace hoptrail::agent {

// `parent`: of the process that received the signal.
StopSignal FromSignalInfo(const signalfd_siginfo& info, pid_t parent);

// To the numbers of a message, and back. An invalid origin becomes From::kUnknown.
struct StopNumbers {
  uint32_t number = 0;
  uint64_t serial = 0;
};
StopNumbers ToNumbers(const StopSignal& signal);
StopSignal FromNumbers(const StopNumbers& numbers);

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_STOP_STOP_REQUEST_H_
