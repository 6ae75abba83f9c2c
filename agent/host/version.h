#ifndef HOPTRAIL_AGENT_HOST_VERSION_H_
#define HOPTRAIL_AGENT_HOST_VERSION_H_

namespace hoptrail::agent {

// The project's version, from CMake.
inline constexpr char kVersion[] = HOPTRAIL_VERSION;

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_HOST_VERSION_H_
