#ifndef HOPTRAIL_AGENT_LOADER_LOADER_CLIENT_H_
#define HOPTRAIL_AGENT_LOADER_LOADER_CLIENT_H_

#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"

#include "agent/kernel/snapshot/snapshot.h"
#include "agent/loader/unit_timers.h"
#include "agent/privilege/channel.h"
#include "agent/session/user_names.h"
#include "core/base/unique_fd.h"

namespace hoptrail::agent::loader {

// The worker's side: requests descriptors of resources that the worker may read but cannot open.
// Each call waits for the answer for some seconds; DEADLINE_EXCEEDED where the loader is stopped.
// One thread.
class LoaderClient {
 public:
  explicit LoaderClient(privilege::Channel channel) : channel_(std::move(channel)) {}

  absl::StatusOr<UniqueFd> OpenIterator(kernel::Walk walk);
  // Resolves user ids to account names; reads the host's file again in each call. Must not outlive
  // this.
  session::UserResolver Accounts();
  // The host's timer units; empty without systemd.
  UnitTimers Timers();

 private:
  absl::StatusOr<UniqueFd> Request(privilege::ResourceKind resource);

  const privilege::Channel channel_;
  uint64_t serial_ = 0;
};

}  // namespace hoptrail::agent::loader

#endif  // HOPTRAIL_AGENT_LOADER_LOADER_CLIENT_H_
