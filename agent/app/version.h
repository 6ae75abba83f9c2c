#ifndef HOPTRAIL_AGENT_APP_VERSION_H_
#define HOPTRAIL_AGENT_APP_VERSION_H_

namespace hoptrail::agent::app {

// The project's version, from CMake.
inline constexpr char kVersion[] = HOPTRAIL_VERSION;

}  // namespace hoptrail::agent::app

#endif  // HOPTRAIL_AGENT_APP_VERSION_H_
