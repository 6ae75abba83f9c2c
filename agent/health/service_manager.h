#ifndef HOPTRAIL_AGENT_HEALTH_SERVICE_MANAGER_H_
#define HOPTRAIL_AGENT_HEALTH_SERVICE_MANAGER_H_

#include <cstdint>
#include <utility>

#include "absl/strings/string_view.h"

#include "core/base/unique_fd.h"

namespace hoptrail::agent {

// Notifies a service manager by the protocol of sd_notify(3): a datagram to the socket that
// NOTIFY_SOCKET names. Sends nothing where there is none. Needs only the descriptor later, so that
// a process without privileges can use it. One thread.
class ServiceManager {
 public:
  ServiceManager() = default;  // none

  // Reads NOTIFY_SOCKET and WATCHDOG_USEC. Call it before the process is confined.
  static ServiceManager FromEnvironment();

  // For the supervisor: the agent works, or is about to end.
  void NotifyReady() const { Send("READY=1"); }
  void NotifyStopping() const { Send("STOPPING=1"); }

  // For the worker, once in each round of its loop. Sends twice within the time of WATCHDOG_USEC.
  void KeepAlive(uint64_t now_boot_ns);

  int fd() const { return socket_.get(); }

 private:
  void Send(absl::string_view state) const;

  UniqueFd socket_;
  uint64_t interval_ns_ = 0;  // 0: no watchdog
  uint64_t sent_boot_ns_ = 0;
};

}  // namespace hoptrail::agent

#endif  // HOPTRAIL_AGENT_HEALTH_SERVICE_MANAGER_H_
