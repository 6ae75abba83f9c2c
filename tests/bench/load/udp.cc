// udp: send a datagram to a server on loopback, which sends it back.
#include "network.h"

using hoptrail::bench::Bound;
using hoptrail::bench::Die;

int main(int argc, char** argv) {
  hoptrail::bench::TakeOwnNetwork();
  sockaddr_in server_address, client_address;
  const int server = Bound(SOCK_DGRAM, &server_address);
  const int client = Bound(SOCK_DGRAM, &client_address);
  const auto send = [](int from, const sockaddr_in& to, const char* data, size_t size) {
    const auto* const address = reinterpret_cast<const sockaddr*>(&to);
    if (sendto(from, data, size, 0, address, sizeof(to)) != static_cast<ssize_t>(size)) {
      Die("sendto");
    }
  };
  return hoptrail::bench::Measure(argc, argv, 50'000, [&] {
    char data[64] = {};
    send(client, server_address, data, sizeof(data));
    if (recv(server, data, sizeof(data), 0) != sizeof(data)) Die("recv");
    send(server, client_address, data, sizeof(data));
    if (recv(client, data, sizeof(data), 0) != sizeof(data)) Die("recv");
  });
}
