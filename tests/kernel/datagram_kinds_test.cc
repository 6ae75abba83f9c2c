// Which datagrams are counted and how: UDP, UDP-Lite, raw and ICMP, of both address families.

#include <string>

#include "gtest/gtest.h"

#include "tests/kernel/datagram_helpers.h"
#include "tests/kernel/harness.h"
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace hoptrail::kernel_test {
namespace {

struct DatagramKind {
  const char* name;
  const char* address;
  int protocol;
};

class DatagramAddressTest : public testing::TestWithParam<DatagramKind> {};

// Linux 7.1 has removed UDP-Lite: there is nothing to emit.
bool IsGone(const DatagramKind& kind) {
  return kind.protocol == IPPROTO_UDPLITE && KernelIsAtLeast(7, 1);
}

void ExpectNoSocket(const DatagramKind& kind) {
  const int family = kind.address[0] == ':' ? AF_INET6 : AF_INET;
  const UniqueFd fd(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, kind.protocol));
  EXPECT_FALSE(fd.valid()) << "this kernel can send it, so it must be tested";
  EXPECT_EQ(errno, EPROTONOSUPPORT);
}

TEST_P(DatagramAddressTest, ConnectedAndUnconnectedSends_AreCountedByPeer) {
  const DatagramKind& kind = GetParam();
  if (IsGone(kind)) return ExpectNoSocket(kind);
  Recorder recorder(Quick());
  const UniqueFd receiver = Socket(kind.address, kind.protocol, /*bind_it=*/true);
  const UniqueFd other = Socket(kind.address, kind.protocol, /*bind_it=*/true);
  const UniqueFd loose = Socket(kind.address, kind.protocol);
  const UniqueFd fixed = Socket(kind.address, kind.protocol);
  const uint16_t port = PortOf(receiver);
  const uint16_t other_port = PortOf(other);
  ASSERT_TRUE(ConnectTo(fixed, kind.address, other_port)) << strerror(errno);
  for (size_t i = 1; i <= 10; ++i) {
    ASSERT_EQ(SendTo(loose, kind.address, port, std::string(i, 'x')), static_cast<ssize_t>(i));
    ASSERT_EQ(send(fixed.get(), std::string(1000 + i, 'x').data(), 1000 + i, 0),
              static_cast<ssize_t>(1000 + i));
  }
  ASSERT_EQ(send(fixed.get(), "", 0, 0), 0);  // an empty datagram counts, too
  const auto protocol = static_cast<uint8_t>(kind.protocol == 0 ? IPPROTO_UDP : kind.protocol);
  const Total to_loose = WaitForPackets(&recorder, To(kind.address, port, protocol), 10);
  const Total to_fixed = WaitForPackets(&recorder, To(kind.address, other_port, protocol), 11);
  EXPECT_EQ(to_loose.packets, 10u);
  EXPECT_EQ(to_loose.bytes, 55u);
  EXPECT_GE(to_loose.first_records, 1u);
  EXPECT_EQ(to_fixed.packets, 11u);
  EXPECT_EQ(to_fixed.bytes, 10'055u);
  for (const auto& [event, flow] : recorder.All<DatagramFlow>()) {
    EXPECT_TRUE(IsProcess(event->header.process, getpid()));
    EXPECT_EQ(flow->network_namespace, NetworkNamespace());
    EXPECT_FALSE(flow->raw);
    EXPECT_EQ(flow->local_port, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, DatagramAddressTest,
                         testing::Values(DatagramKind{"V4", "127.0.0.1", 0},
                                         DatagramKind{"V6", "::1", 0},
                                         DatagramKind{"Mapped", "::ffff:127.0.0.1", 0},
                                         DatagramKind{"LiteV4", "127.0.0.1", IPPROTO_UDPLITE},
                                         DatagramKind{"LiteV6", "::1", IPPROTO_UDPLITE}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(DatagramKindsTest, MappedIpv4Address_IsEmittedAsPlainIpv4) {
  Recorder recorder(Quick());
  const UniqueFd receiver = Socket("127.0.0.1", 0, /*bind_it=*/true);
  const UniqueFd v4 = Socket("127.0.0.1", 0);
  const UniqueFd v6 = Socket("::1", 0);
  const uint16_t port = PortOf(receiver);
  ASSERT_EQ(SendTo(v4, "127.0.0.1", port, "one"), 3);
  ASSERT_EQ(SendTo(v6, "::ffff:127.0.0.1", port, "three"), 5);
  // An IPv6 socket accepts an IPv4 destination, too.
  ASSERT_EQ(SendTo(v6, "127.0.0.1", port, "two"), 3);
  const Total total = WaitForPackets(&recorder, To("127.0.0.1", port), 3);
  recorder.Settle();
  EXPECT_EQ(total.packets, 3u);
  EXPECT_EQ(total.bytes, 11u);
  EXPECT_EQ(Sum(recorder, AnyFlow).packets, 3u);
}

TEST(DatagramKindsTest, ManyMessagesInOneCall_AreCountedEach) {
  Recorder recorder(Quick());
  const UniqueFd receiver = Socket("127.0.0.1", 0, /*bind_it=*/true);
  const UniqueFd sender = Socket("127.0.0.1", 0);
  socklen_t length = 0;
  sockaddr_storage address = Address("127.0.0.1", PortOf(receiver), &length);
  char data[100] = {};
  iovec parts[] = {{data, 40}, {data, 60}};
  mmsghdr messages[7] = {};
  for (mmsghdr& message : messages) {
    message.msg_hdr = {
        .msg_name = &address, .msg_namelen = length, .msg_iov = parts, .msg_iovlen = 2};
  }
  ASSERT_EQ(sendmmsg(sender.get(), messages, 7, 0), 7);
  const Total total = WaitForPackets(&recorder, To("127.0.0.1", PortOf(receiver)), 7);
  EXPECT_EQ(total.packets, 7u);
  EXPECT_EQ(total.bytes, 700u);
}

TEST(DatagramKindsTest, LargeDatagram_IsCountedOnce) {
  Recorder recorder(Quick());
  for (const char* text : {"127.0.0.1", "::1"}) {
    const UniqueFd receiver = Socket(text, 0, /*bind_it=*/true);
    const UniqueFd sender = Socket(text, 0);
    ASSERT_EQ(SendTo(sender, text, PortOf(receiver), std::string(65'000, 'x')), 65'000);
    const Total total = WaitForPackets(&recorder, To(text, PortOf(receiver)), 1);
    EXPECT_EQ(total.packets, 1u);
    EXPECT_EQ(total.bytes, 65'000u);
  }
}

TEST(DatagramKindsTest, RawAndIcmpSockets_AreCountedByProtocol) {
  Recorder recorder(Quick());
  icmphdr echo = {};
  echo.type = ICMP_ECHO;
  std::string message(reinterpret_cast<const char*>(&echo), sizeof(echo));
  message += std::string(56, 'x');
  for (const char* text : {"127.0.0.1", "::1"}) {
    const bool v6 = text[0] == ':';
    if (v6) message[0] = static_cast<char>(128);  // echo request of ICMPv6
    const int protocol = v6 ? int{IPPROTO_ICMPV6} : int{IPPROTO_ICMP};
    const UniqueFd raw(socket(v6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, protocol));
    ASSERT_TRUE(raw.valid()) << strerror(errno);
    for (int i = 0; i < 3; ++i) {
      ASSERT_EQ(SendTo(raw, text, 0, message), static_cast<ssize_t>(message.size()))
          << strerror(errno);
    }
    const auto by_raw = [&](bool is_raw) {
      return [=](const Event&, const DatagramFlow& flow) {
        return flow.raw == is_raw && flow.protocol == protocol &&
               flow.peer == model::Endpoint{*model::ParseIpAddress(text), 0};
      };
    };
    const Total total = WaitForPackets(&recorder, by_raw(true), 3);
    EXPECT_EQ(total.packets, 3u) << text;
    EXPECT_EQ(total.bytes, 3 * message.size()) << text;

    // An ICMP socket without privileges: allowed to the groups in ping_group_range.
    FILE* range = fopen("/proc/sys/net/ipv4/ping_group_range", "w");
    ASSERT_NE(range, nullptr) << strerror(errno);
    fputs("0 0\n", range);
    ASSERT_EQ(fclose(range), 0) << strerror(errno);
    const UniqueFd ping = Socket(text, protocol);
    ASSERT_EQ(SendTo(ping, text, 0, message), static_cast<ssize_t>(message.size()))
        << strerror(errno);
    const Total pinged = WaitForPackets(&recorder, by_raw(false), 1);
    EXPECT_EQ(pinged.packets, 1u) << text;
    EXPECT_EQ(pinged.bytes, message.size()) << text;
  }
  // The kernel's own answers belong to no process and are not counted.
  EXPECT_EQ(Sum(recorder, AnyFlow).packets, 8u);
}

TEST(DatagramKindsTest, Tcp_IsNotCounted) {
  Recorder recorder(Quick());
  TcpPair pair = ConnectedPair("127.0.0.1");
  ASSERT_TRUE(WriteAll(pair.client.get(), 100'000) && ReadAll(pair.server.get(), 100'000));
  const UniqueFd receiver = Socket("127.0.0.1", 0, /*bind_it=*/true);
  const UniqueFd sender = Socket("127.0.0.1", 0);
  ASSERT_EQ(SendTo(sender, "127.0.0.1", PortOf(receiver), "marker"), 6);
  WaitForPackets(&recorder, To("127.0.0.1", PortOf(receiver)), 1);
  EXPECT_EQ(Sum(recorder, AnyFlow).packets, 1u);
}

}  // namespace
}  // namespace hoptrail::kernel_test
