#ifndef HOPTRAIL_AGENT_HOST_PROCESS_NAMES_H_
#define HOPTRAIL_AGENT_HOST_PROCESS_NAMES_H_

namespace hoptrail::agent {

// The comms of the loader and the worker. Kernel events of these processes are recognized by comm,
// because in a pid namespace a process does not know its pid on the host. The supervisor keeps its
// program's name.
inline constexpr char kLoaderName[] = "hoptrail-loader";
inline constexpr char kWorkerName[] = "hoptrail-worker";

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_HOST_PROCESS_NAMES_H_
