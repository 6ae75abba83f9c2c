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

// What the agent's processes say to each other.
enum class MessageKind : uint32_t {
  // Loader to supervisor, once: `number` is 0 and the descriptors are given, or it is an
  // absl::StatusCode and `text` says why.
  kStarted = 1,
  // Supervisor to loader: a new worker's end of a channel.
  kNewWorker = 2,
  // Worker to loader: give me a descriptor of … (`number`: ResourceKind). The answer has the same
  // `serial` and a descriptor, or an absl::StatusCode as `number`.
  kRequest = 3,
  kAnswer = 4,
  // Worker to supervisor: I work.
  kReady = 5,
  // Supervisor to worker: end. `text` says what went wrong, and is empty where nothing did: then
  // `number` and `serial` say by which signal and whose (app/stop_request.h), or that it is to make
  // room for another worker (0).
  kStop = 6,
  // Supervisor to worker: pass on that somebody interfered; `text` says how.
  kInterference = 7,
  // Supervisor to loader: log from this level on (`number`: LogLevel).
  kLogLevel = 8,
  // Worker to supervisor: the next worker is to speak for the host in `text`, of this machine.
  kAssume = 9,
};

// What a worker may ask the loader for.
enum class ResourceKind : uint32_t {
  kProcesses = 0,
  kListeners = 1,
  kConnections = 2,
  kAccounts = 3,
  kSnapshotOver = 4,  // is told, and answered by NOT_FOUND
  // Directories of systemd's units on the host, for looking names up in them.
  kUnitsOfAdministrator = 5,
  kUnitsOfThisRun = 6,
  kUnitsOfSystem = 7,
  kUnitsOfOldSystem = 8,
};

struct Message {
  MessageKind kind = MessageKind::kStarted;
  uint32_t number = 0;
  uint64_t serial = 0;
  std::string text;           // at most kMaxTextBytes, cut where it is longer
  std::vector<UniqueFd> fds;  // at most kMaxFds
};

inline constexpr size_t kMaxTextBytes = 1024;
inline constexpr size_t kMaxFds = 8;

// One end of a pair of SOCK_SEQPACKET sockets between two of the agent's processes: small messages,
// whole or not at all, with descriptors. What does not have the form of a message is an error.
// One thread at a time.
class Channel {
 public:
  static absl::StatusOr<std::pair<Channel, Channel>> Pair();
  explicit Channel(UniqueFd fd) : fd_(std::move(fd)) {}

  int fd() const { return fd_.get(); }
  bool valid() const { return fd_.valid(); }
  UniqueFd Release() { return std::move(fd_); }

  // `fds` stay the caller's. UNAVAILABLE where the other side is gone, or does not read.
  absl::Status Send(MessageKind kind, uint32_t number, uint64_t serial = 0,
                    absl::string_view text = "", const std::vector<int>& fds = {}) const;
  // UNAVAILABLE where the other side is gone, DEADLINE_EXCEEDED after `timeout`,
  // INVALID_ARGUMENT for what is no message.
  absl::StatusOr<Message> Receive(absl::Duration timeout) const;

 private:
  UniqueFd fd_;
};

}  // namespace hoptrail::agent::privilege

#endif  // HOPTRAIL_AGENT_PRIVILEGE_CHANNEL_H_
