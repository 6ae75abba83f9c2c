#ifndef HOPTRAIL_AGENT_SUPERVISOR_SIGNALS_H_
#define HOPTRAIL_AGENT_SUPERVISOR_SIGNALS_H_

#include <optional>
#include <utility>

#include "absl/status/statusor.h"

#include "agent/stop/stop_request.h"
#include "core/base/unique_fd.h"

namespace hoptrail::agent::supervisor {

// The signals that the supervisor acts on: SIGTERM and SIGINT to stop, SIGHUP to reload, SIGCHLD.
// One thread.
class Signals {
 public:
  Signals() = default;  // receives nothing

  // Blocks these signals for this thread. Its children inherit that, so that only the supervisor
  // decides when they end.
  static absl::StatusOr<Signals> Block();

  // Becomes readable when a signal has arrived.
  int fd() const { return fd_.get(); }

  struct Received {
    bool reload = false;
    std::optional<StopSignal> stop;  // the first one, with its sender
  };
  // The signals since the last call. SIGCHLD only makes the descriptor readable.
  Received Read() const;

 private:
  explicit Signals(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

}  // namespace hoptrail::agent::supervisor

#endif  // HOPTRAIL_AGENT_SUPERVISOR_SIGNALS_H_
