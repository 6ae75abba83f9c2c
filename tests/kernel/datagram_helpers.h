#ifndef HOPTRAIL_TESTS_KERNEL_DATAGRAM_HELPERS_H_
#define HOPTRAIL_TESTS_KERNEL_DATAGRAM_HELPERS_H_

// Helpers of the tests of datagram flows: sockets and sends, and the sums of the flows' records.

#include <cstdint>
#include <functional>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace hoptrail::kernel_test {

using agent::decode::DatagramFlow;

inline constexpr uint8_t kUdp = IPPROTO_UDP;

// The sum of all records of some flows.
struct Total {
  uint64_t packets = 0;
  uint64_t bytes = 0;
  size_t records = 0;
  size_t first_records = 0;
};

using Match = std::function<bool(const Event&, const DatagramFlow&)>;

inline Total Sum(const Recorder& recorder, const Match& match) {
  Total total;
  for (const auto& [event, flow] : recorder.All<DatagramFlow>()) {
    if (!match(*event, *flow)) continue;
    total.packets += flow->packets;
    total.bytes += flow->bytes;
    ++total.records;
    total.first_records += flow->first ? 1 : 0;
  }
  return total;
}

// The kernel side emits the flows that are due whenever a thread of the host ends; Settle() makes
// one end.
inline Total WaitForPackets(Recorder* recorder, const Match& match, uint64_t packets) {
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  while (absl::Now() < deadline && !testing::Test::HasFatalFailure()) {
    recorder->Settle();
    const Total total = Sum(*recorder, match);
    if (total.packets >= packets) return total;
  }
  return Sum(*recorder, match);
}

inline agent::kernel::SensorOptions Quick() {
  return {.datagram_interval = absl::Milliseconds(20)};
}

inline sockaddr_storage Address(const std::string& text, uint16_t port, socklen_t* length) {
  sockaddr_storage storage = {};
  if (text.find(':') == std::string::npos) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    inet_pton(AF_INET, text.c_str(), &v4->sin_addr);
    *length = sizeof(*v4);
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr);
    *length = sizeof(*v6);
  }
  return storage;
}

// A datagram socket, bound to `text` and `port` (0: any) if `bind_it`.
inline UniqueFd Socket(const std::string& text, int protocol, bool bind_it = false,
                       uint16_t port = 0) {
  socklen_t length = 0;
  const sockaddr_storage address = Address(text, port, &length);
  UniqueFd fd(socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, protocol));
  EXPECT_TRUE(fd.valid()) << strerror(errno);
  if (bind_it) {
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length), 0)
        << strerror(errno);
  }
  return fd;
}

inline uint16_t PortOf(const UniqueFd& fd) {
  sockaddr_in6 own = {};
  socklen_t length = sizeof(own);
  EXPECT_EQ(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&own), &length), 0);
  return ntohs(own.sin6_port);
}

inline ssize_t SendTo(const UniqueFd& fd, const std::string& text, uint16_t port,
                      const std::string& data) {
  socklen_t length = 0;
  const sockaddr_storage address = Address(text, port, &length);
  return sendto(fd.get(), data.data(), data.size(), 0, reinterpret_cast<const sockaddr*>(&address),
                length);
}

inline bool ConnectTo(const UniqueFd& fd, const std::string& text, uint16_t port) {
  socklen_t length = 0;
  const sockaddr_storage address = Address(text, port, &length);
  return connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0;
}

inline Match To(const std::string& address, uint16_t port, uint8_t protocol = kUdp) {
  const model::Endpoint peer{*model::ParseIpAddress(address), port};
  return [=](const Event&, const DatagramFlow& flow) {
    return flow.peer == peer && flow.protocol == protocol;
  };
}

inline bool AnyFlow(const Event&, const DatagramFlow&) { return true; }

}  // namespace hoptrail::kernel_test

#endif  // HOPTRAIL_TESTS_KERNEL_DATAGRAM_HELPERS_H_
