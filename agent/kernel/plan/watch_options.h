#ifndef HOPTRAIL_AGENT_KERNEL_PLAN_WATCH_OPTIONS_H_
#define HOPTRAIL_AGENT_KERNEL_PLAN_WATCH_OPTIONS_H_

#include <string>
#include <vector>

namespace hoptrail::agent::kernel {

// Files and directories whose opens are recorded: absolute paths whose components may be patterns
// as in glob(7). A directory stands for its contents, a few levels deep.
struct WatchOptions {
  std::vector<std::string> reads;   // opens of every kind
  std::vector<std::string> writes;  // opens for writing only

  bool operator==(const WatchOptions&) const = default;
};

// Reads: credentials for other hosts. Writes: files that let others in or run programs later.
WatchOptions DefaultWatch();

}  // namespace hoptrail::agent::kernel

#endif  // HOPTRAIL_AGENT_KERNEL_PLAN_WATCH_OPTIONS_H_
