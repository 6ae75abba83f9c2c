// Frames that a program builds itself: with them it can use any protocol without the kernel's own.

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::DatagramFlow;

// Whether the hook in use sees them, by the coverage report.
bool SeesFrames(Recorder& recorder) {
  for (const model::SourceCoverage& row : recorder.sensor()->Coverage()) {
    if (row.source != "datagram flows") continue;
    return std::find(row.misses.begin(), row.misses.end(), "frames of packet sockets") ==
           row.misses.end();
  }
  return false;
}

TEST(PacketSocketTest, FramesOfAPacketSocket_AreCountedWithoutAPeer) {
  Recorder recorder({.datagram_interval = absl::Milliseconds(20)});
  ASSERT_NE(recorder.sensor(), nullptr);
  const UniqueFd fd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  ASSERT_TRUE(fd.valid()) << strerror(errno);
  sockaddr_ll to = {};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = static_cast<int>(if_nametoindex("lo"));
  to.sll_halen = ETH_ALEN;
  std::string frame(ETH_HLEN + 46, '\0');
  frame[12] = 0x08;  // IPv4, with a payload that no stack accepts
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(sendto(fd.get(), frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&to),
                     sizeof(to)),
              static_cast<ssize_t>(frame.size()))
        << strerror(errno);
  }
  const auto framed = [](const DatagramFlow& flow) {
    return flow.protocol == IPPROTO_RAW && flow.raw && flow.peer == model::Endpoint();
  };
  if (!SeesFrames(recorder)) {
    recorder.Settle();
    for (const auto& [event, flow] : recorder.All<DatagramFlow>()) EXPECT_FALSE(framed(*flow));
    return;
  }
  uint64_t packets = 0, bytes = 0;
  // The kernel side emits the flows that are due whenever a thread of the host ends; Settle() makes
  // one end.
  for (int round = 0; round < 300 && packets < 5 && !HasFatalFailure(); ++round) {
    absl::SleepFor(absl::Milliseconds(30));
    recorder.Settle();
    packets = bytes = 0;
    for (const auto& [event, flow] : recorder.All<DatagramFlow>()) {
      if (!framed(*flow)) continue;
      EXPECT_TRUE(IsProcess(event->header.process, getpid()));
      packets += flow->packets;
      bytes += flow->bytes;
    }
  }
  EXPECT_EQ(packets, 5u);
  EXPECT_EQ(bytes, 5 * frame.size());
}

}  // namespace
}  // namespace hoptrail::kernel_test
