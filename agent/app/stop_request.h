#ifndef HOPTRAIL_AGENT_APP_STOP_REQUEST_H_
#define HOPTRAIL_AGENT_APP_STOP_REQUEST_H_

// How what the supervisor learnt of a signal travels to the worker.

#include <cstdint>

#include "agent/detect/stop_origin.h"
#include <sys/signalfd.h>
#include <sys/types.h>

namespace hoptrail::agent::app {

// `parent`: of the process that the signal was sent to.
detect::StopSignal FromSignalInfo(const signalfd_siginfo& info, pid_t parent);

// As the numbers of a message, and back; what makes no sense becomes a signal from nobody knows.
struct StopNumbers {
  uint32_t number = 0;
  uint64_t serial = 0;
};
StopNumbers ToNumbers(const detect::StopSignal& signal);
detect::StopSignal FromNumbers(const StopNumbers& numbers);

}  // namespace hoptrail::agent::app

#endif  // HOPTRAIL_AGENT_APP_STOP_REQUEST_H_
