#ifndef HOPTRAIL_TESTS_KERNEL_TCP_HELPERS_H_
#define HOPTRAIL_TESTS_KERNEL_TCP_HELPERS_H_

// Helpers of the tests of TCP: sockets in the states that they need, and their events.

#include <poll.h>

#include <cstdint>
#include <string>

#include "tests/kernel/harness.h"
#include "tests/kernel/programs.h"
#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace hoptrail::kernel_test {

using agent::decode::Tcp;
using agent::decode::TcpPhase;
using agent::decode::TcpSide;

struct TcpEvent {
  const Event* event = nullptr;  // nullptr: there was none in time
  Tcp tcp;
};

inline TcpEvent WaitForTcp(Recorder* recorder, TcpPhase phase, TcpSide side, uint16_t server_port) {
  const Event* event =
      recorder->WaitForBody<Tcp>("a change of a TCP socket", [&](const Event&, const Tcp& tcp) {
        return tcp.phase == phase && tcp.side == side && tcp.flow.server.port == server_port;
      });
  return event == nullptr ? TcpEvent{} : TcpEvent{event, std::get<Tcp>(event->body)};
}

inline sockaddr_in V4(const char* text, uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, text, &address.sin_addr);
  return address;
}

inline const sockaddr* Raw(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

// Sets a sysctl of the test's own network namespace.
inline bool SetSysctl(const std::string& name, const std::string& value) {
  return WriteWholeFile("/proc/sys/net/" + name, value);
}

// Drops every packet to the socket, until PassIncoming().
inline int DropIncoming(int fd) {
  sock_filter nothing[] = {{BPF_RET | BPF_K, 0, 0, 0}};
  const sock_fprog filter = {1, nothing};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
}
inline int PassIncoming(int fd) {
  const int unused = 0;
  return setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused));
}

// The errno of the attempt on `fd`, once it has finished; 0: it is connected.
inline int ErrorOf(int fd) {
  pollfd wait = {fd, POLLOUT, 0};
  poll(&wait, 1, 30'000);
  int error = -1;
  socklen_t length = sizeof(error);
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  return error;
}

}  // namespace hoptrail::kernel_test

#endif  // HOPTRAIL_TESTS_KERNEL_TCP_HELPERS_H_
