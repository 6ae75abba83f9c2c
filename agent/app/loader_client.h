#ifndef HOPTRAIL_AGENT_APP_LOADER_CLIENT_H_
#define HOPTRAIL_AGENT_APP_LOADER_CLIENT_H_

#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"

#include "agent/app/unit_timers.h"
#include "agent/kernel/snapshot.h"
#include "agent/privilege/channel.h"
#include "agent/session/user_names.h"
#include "core/base/unique_fd.h"

namespace hoptrail::agent::app {

// Asks the loader for descriptors of what the worker may read and cannot open. Waits for each
// answer, some seconds at most: DEADLINE_EXCEEDED from a loader that is stopped. One thread.
class LoaderClient {
 public:
  explicit LoaderClient(privilege::Channel channel) : channel_(std::move(channel)) {}

  absl::StatusOr<UniqueFd> OpenIterator(kernel::Walk walk);
  // Names of the host's accounts, read anew at each call. Must not outlive this.
  session::UserResolver Accounts();
  // What has a timer on the host. Without systemd nothing has.
  UnitTimers Timers();

 private:
  absl::StatusOr<UniqueFd> Ask(privilege::ResourceKind resource);

  const privilege::Channel channel_;
  uint64_t serial_ = 0;
};

}  // namespace hoptrail::agent::app

#endif  // HOPTRAIL_AGENT_APP_LOADER_CLIENT_H_
