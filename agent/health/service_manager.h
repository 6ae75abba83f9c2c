#ifndef HOPTRAIL_AGENT_HEALTH_SERVICE_MANAGER_H_
#define HOPTRAIL_AGENT_HEALTH_SERVICE_MANAGER_H_

#include <cstdint>
#include <utility>

#include "absl/strings/string_view.h"

#include "core/base/unique_fd.h"

namespace hoptrail::agent {

// Reports to a service manager by sd_notify(3)'s protocol: a datagram to the socket that
// NOTIFY_SOCKET names. Says nothing where there is none. Only the descriptor is needed later, so a
// process without any privilege can go on with it. One thread.
class ServiceManager {
 public:
  ServiceManager() = default;  // none

  // Of NOTIFY_SOCKET and WATCHDOG_USEC. Before the process is confined.
  static ServiceManager FromEnvironment();

  // The supervisor: the agent works, or is about to end.
  void SayReady() const { Send("READY=1"); }
  void SayStopping() const { Send("STOPPING=1"); }

  // The worker, once a round: its loop goes round. Said twice in the time that WATCHDOG_USEC
  // allows.
  void KeepAlive(uint64_t now_boot_ns);

  int fd() const { return socket_.get(); }

 private:
  void Send(absl::string_view state) const;

  UniqueFd socket_;
  uint64_t every_ns_ = 0;  // 0: no watchdog
  uint64_t said_boot_ns_ = 0;
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_HEALTH_SERVICE_MANAGER_H_
