// A network namespace of the program's own, with loopback only, and connections in it.
#ifndef HOPTRAIL_TESTS_BENCH_LOAD_NETWORK_H_
#define HOPTRAIL_TESTS_BENCH_LOAD_NETWORK_H_

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cstring>

#include "measure.h"
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace hoptrail::bench {

// Sets tcp_max_tw_buckets to 0: otherwise each closed connection would stay in TIME_WAIT for a
// minute, and the search for a free port would take longer with each of them.
inline void TakeOwnNetwork() {
  if (unshare(CLONE_NEWNET) != 0) Die("unshare: this needs root");
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq loopback = {};
  std::strcpy(loopback.ifr_name, "lo");
  loopback.ifr_flags = IFF_UP;
  if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &loopback) != 0) Die("loopback");
  close(fd);
  const int setting = open("/proc/sys/net/ipv4/tcp_max_tw_buckets", O_WRONLY | O_CLOEXEC);
  if (setting < 0 || write(setting, "0", 1) != 1) Die("tcp_max_tw_buckets");
  close(setting);
}

// A socket on a free port of a loopback address. Writes the socket's address to `address`.
inline int Bound(int type, sockaddr_in* address, in_addr_t host = INADDR_LOOPBACK) {
  *address = {};
  address->sin_family = AF_INET;
  address->sin_addr.s_addr = htonl(host);
  socklen_t length = sizeof(*address);
  const int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  auto* const generic = reinterpret_cast<sockaddr*>(address);
  if (fd < 0 || bind(fd, generic, length) != 0 || getsockname(fd, generic, &length) != 0) {
    Die("bind");
  }
  return fd;
}

// Opens connections to a listener of its own; both ends are in this process.
class Connections {
 public:
  explicit Connections(in_addr_t host = INADDR_LOOPBACK)
      : listener_(Bound(SOCK_STREAM, &address_, host)) {
    if (listen(listener_, 64) != 0) Die("listen");
  }

  struct Ends {
    int client;
    int server;
  };

  Ends Open() {
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client < 0) Die("socket");
    if (connect(client, reinterpret_cast<sockaddr*>(&address_), sizeof(address_)) != 0) {
      Die("connect");
    }
    const int server = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (server < 0) Die("accept");
    return {client, server};
  }

  void OpenAndClose() {
    const Ends ends = Open();
    close(ends.client);
    close(ends.server);
  }

 private:
  sockaddr_in address_;
  int listener_;
};

}  // namespace hoptrail::bench

#endif  // HOPTRAIL_TESTS_BENCH_LOAD_NETWORK_H_
