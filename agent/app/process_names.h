#ifndef HOPTRAIL_AGENT_APP_PROCESS_NAMES_H_
#define HOPTRAIL_AGENT_APP_PROCESS_NAMES_H_

namespace hoptrail::agent::app {

// The comms of the agent's second and third process, by which the kernel's events name them: in a
// pid namespace a process does not know the pid that those have. The first keeps its program's.
inline constexpr char kLoaderName[] = "hoptrail-loader";
inline constexpr char kWorkerName[] = "hoptrail-worker";

}  // namespace hoptrail::agent::app

#endif  // HOPTRAIL_AGENT_APP_PROCESS_NAMES_H_
