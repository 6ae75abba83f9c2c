#include "agent/health/service_manager.h"

#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "absl/strings/numbers.h"

#include <sys/socket.h>
#include <sys/un.h>

namespace hoptrail::agent {

ServiceManager ServiceManager::FromEnvironment() {
  ServiceManager manager;
  const char* path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const size_t size = path == nullptr ? 0 : std::strlen(path);
  if (size < 2 || size >= sizeof(address.sun_path)) return manager;
  std::memcpy(address.sun_path, path, size);
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';  // an abstract one
  const socklen_t length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
  UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid() ||
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    return manager;
  }
  manager.socket_ = std::move(socket);
  const char* watchdog = std::getenv("WATCHDOG_USEC");
  uint64_t usec = 0;
  if (watchdog != nullptr && absl::SimpleAtoi(watchdog, &usec))
    manager.interval_ns_ = usec * 1000 / 2;
  return manager;
}

void ServiceManager::KeepAlive(uint64_t now_boot_ns) {
  if (interval_ns_ == 0 || now_boot_ns < sent_boot_ns_ + interval_ns_) return;
  sent_boot_ns_ = now_boot_ns;
  Send("WATCHDOG=1");
}

void ServiceManager::Send(absl::string_view state) const {
  if (!socket_.valid()) return;
  // A manager that does not read at the moment gets the next one.
  [[maybe_unused]] const ssize_t sent = ::write(socket_.get(), state.data(), state.size());
}

}  // namespace hoptrail::agent
