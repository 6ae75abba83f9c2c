#ifndef HOPTRAIL_AGENT_LOADER_MESSAGE_HANDLER_H_
#define HOPTRAIL_AGENT_LOADER_MESSAGE_HANDLER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

#include "agent/kernel/snapshot/snapshot.h"
#include "agent/privilege/channel.h"
#include "core/base/unique_fd.h"

namespace hoptrail::agent::loader {

// The loader's messages: the supervisor's, and the requests of the present worker, which may be
// compromised: each is answered with a descriptor of one of the listed resources or with an error.
// One thread.
class MessageHandler {
 public:
  struct Options {
    std::string host_root;  // the prefix of the host's paths
    std::function<absl::StatusOr<UniqueFd>(kernel::Walk)> open_iterator;
    // Another worker is connected; `pid` is 0 where its process does not run yet.
    std::function<void(uint32_t pid)> on_worker;
  };

  MessageHandler(privilege::Channel supervisor, Options options)
      : options_(std::move(options)), supervisor_(std::move(supervisor)) {}

  const privilege::Channel& supervisor() const { return supervisor_; }
  // -1 where no worker is connected.
  int worker_fd() const { return worker_.fd(); }

  // Handles a message of the supervisor. False where the supervisor has ended.
  bool HandleSupervisor();
  // Answers a message of the worker. A worker that has ended, sends something else than messages or
  // does not read its answers is not connected any more.
  void HandleWorker();

 private:
  void Answer(const privilege::Message& request);
  absl::StatusOr<UniqueFd> Open(uint32_t resource) const;
  absl::StatusOr<UniqueFd> OpenHostFile(const char* path, int flags) const;

  const Options options_;
  const privilege::Channel supervisor_;
  privilege::Channel worker_{UniqueFd()};
};

}  // namespace hoptrail::agent::loader

#endif  // HOPTRAIL_AGENT_LOADER_MESSAGE_HANDLER_H_
