#ifndef HOPTRAIL_AGENT_PRIVILEGE_CHANNEL_H_
#define HOPTRAIL_AGENT_PRIVILEGE_CHANNEL_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "core/base/unique_fd.h"

namespace hoptrail::agent::privilege {

// The messages between the agent's processes.
enum class MessageKind : uint32_t {
  // Loader to supervisor, once. `number` is 0 and the descriptors are attached, or `number` is an
  // absl::StatusCode and `text` the reason.
  kStarted = 1,
  // Supervisor to loader: a new worker's end of a channel.
  kNewWorker = 2,
  // Worker to loader: requests a descriptor (`number`: ResourceKind). The answer has the same
  // `serial`
  // and a descriptor, or an absl::StatusCode as `number` and a reason as `text`.
  kRequest = 3,
  kAnswer = 4,
  // Worker to supervisor: the worker has started its work.
  kReady = 5,
  // Supervisor to worker: end. `text` is the fault that made the agent end. Without a fault it is
  // empty, and `number` and `serial` are the signal and its sender (stop/stop_request.h), or 0
  // where
  // another worker replaces this one.
  kStop = 6,
  // Supervisor to worker: to be reported as interference by others; `text` says how they
  // interfered.
  kInterference = 7,
  // Supervisor to loader: the lowest level to log (`number`: LogLevel).
  kLogLevel = 8,
  // Worker to supervisor: the next worker must report as the host in `text`, a boot of this
  // machine.
  kAssume = 9,
};

// The resources that a worker may request from the loader.
enum class ResourceKind : uint32_t {
  kProcesses = 0,
  kListeners = 1,
  kConnections = 2,
  kAccounts = 3,
  // Directories of systemd's units on the host, to look names up in them.
  kUnitsOfAdministrator = 4,
  kUnitsOfThisRun = 5,
  kUnitsOfSystem = 6,
  kUnitsOfOldSystem = 7,
};

struct Message {
  MessageKind kind = MessageKind::kStarted;
  uint32_t number = 0;
  uint64_t serial = 0;
  std::string text;           // a longer text is cut to kMaxTextBytes
  std::vector<UniqueFd> fds;  // at most kMaxFds
};

inline constexpr size_t kMaxTextBytes = 1024;
inline constexpr size_t kMaxFds = 8;

// One end of a pair of SOCK_SEQPACKET sockets between two of the agent's processes. It carries
// small messages with descriptors, completely or not at all. One thread at a time.
class Channel {
 public:
  static absl::StatusOr<std::pair<Channel, Channel>> Pair();
  explicit Channel(UniqueFd fd) : fd_(std::move(fd)) {}

  int fd() const { return fd_.get(); }
  bool valid() const { return fd_.valid(); }

  // The caller keeps `fds`. UNAVAILABLE where the other process has ended or does not read.
  absl::Status Send(MessageKind kind, uint32_t number, uint64_t serial = 0,
                    absl::string_view text = "", const std::vector<int>& fds = {}) const;
  // UNAVAILABLE where the other process has ended, DEADLINE_EXCEEDED after `timeout`,
  // INVALID_ARGUMENT for data that is not a message.
  absl::StatusOr<Message> Receive(absl::Duration timeout) const;

 private:
  UniqueFd fd_;
};

}  // namespace hoptrail::agent::privilege

#endif  // HOPTRAIL_AGENT_PRIVILEGE_CHANNEL_H_
