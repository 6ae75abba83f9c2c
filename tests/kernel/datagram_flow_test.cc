// Records of UDP, raw and ICMP flows, against what a small program sent.

#include <unistd.h>

#include <thread>
#include <tuple>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/uio.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::DatagramFlow;

constexpr uint8_t kUdp = IPPROTO_UDP;

// The sum of all records of some flows.
struct Total {
  uint64_t packets = 0;
  uint64_t bytes = 0;
  size_t records = 0;
  size_t first_records = 0;
};

using Match = std::function<bool(const Event&, const DatagramFlow&)>;

Total Sum(const Recorder& recorder, const Match& match) {
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
Total WaitForPackets(Recorder* recorder, const Match& match, uint64_t packets) {
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  while (absl::Now() < deadline && !testing::Test::HasFatalFailure()) {
    recorder->Settle();
    const Total total = Sum(*recorder, match);
    if (total.packets >= packets) return total;
  }
  return Sum(*recorder, match);
}

agent::kernel::SensorOptions Quick() { return {.datagram_interval = absl::Milliseconds(20)}; }

sockaddr_storage Address(const std::string& text, uint16_t port, socklen_t* length) {
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
UniqueFd Socket(const std::string& text, int protocol, bool bind_it = false, uint16_t port = 0) {
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

uint16_t PortOf(const UniqueFd& fd) {
  sockaddr_in6 own = {};
  socklen_t length = sizeof(own);
  EXPECT_EQ(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&own), &length), 0);
  return ntohs(own.sin6_port);
}

ssize_t SendTo(const UniqueFd& fd, const std::string& text, uint16_t port,
               const std::string& data) {
  socklen_t length = 0;
  const sockaddr_storage address = Address(text, port, &length);
  return sendto(fd.get(), data.data(), data.size(), 0, reinterpret_cast<const sockaddr*>(&address),
                length);
}

bool ConnectTo(const UniqueFd& fd, const std::string& text, uint16_t port) {
  socklen_t length = 0;
  const sockaddr_storage address = Address(text, port, &length);
  return connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0;
}

Match To(const std::string& address, uint16_t port, uint8_t protocol = kUdp) {
  const model::Endpoint peer{*model::ParseIpAddress(address), port};
  return [=](const Event&, const DatagramFlow& flow) {
    return flow.peer == peer && flow.protocol == protocol;
  };
}

struct DatagramKind {
  const char* name;
  const char* address;
  int protocol;
};

class DatagramTest : public testing::TestWithParam<DatagramKind> {};

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

TEST_P(DatagramTest, ConnectedAndUnconnectedSends_AreCountedByPeer) {
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

INSTANTIATE_TEST_SUITE_P(Kinds, DatagramTest,
                         testing::Values(DatagramKind{"V4", "127.0.0.1", 0},
                                         DatagramKind{"V6", "::1", 0},
                                         DatagramKind{"Mapped", "::ffff:127.0.0.1", 0},
                                         DatagramKind{"LiteV4", "127.0.0.1", IPPROTO_UDPLITE},
                                         DatagramKind{"LiteV6", "::1", IPPROTO_UDPLITE}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(DatagramFlowTest, MappedIpv4Address_IsEmittedAsPlainIpv4) {
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
  EXPECT_EQ(Sum(recorder, [](const auto&, const auto&) { return true; }).packets, 3u);
}

TEST(DatagramFlowTest, ManyMessagesInOneCall_AreCountedEach) {
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

TEST(DatagramFlowTest, LargeDatagram_IsCountedOnce) {
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

TEST(DatagramFlowTest, EachProcess_HasItsOwnFlow) {
  Recorder recorder(Quick());
  const UniqueFd receiver = Socket("127.0.0.1", 0, /*bind_it=*/true);
  const UniqueFd shared = Socket("127.0.0.1", 0);
  const uint16_t port = PortOf(receiver);
  ASSERT_EQ(SendTo(shared, "127.0.0.1", port, "parent"), 6);
  Child child([&] {
    if (setresuid(65534, 65534, 65534) != 0) return 1;
    return SendTo(shared, "127.0.0.1", port, "a child") == 7 ? 0 : 1;
  });
  const auto child_pid = static_cast<uint32_t>(child.pid());
  EXPECT_EQ(child.Wait(), 0);
  WaitForPackets(&recorder, To("127.0.0.1", port), 2);
  const auto by = [&](uint32_t pid) {
    return Sum(recorder,
               [&, to = To("127.0.0.1", port)](const Event& event, const DatagramFlow& flow) {
                 return event.header.process.tgid == pid && to(event, flow);
               });
  };
  EXPECT_EQ(by(static_cast<uint32_t>(getpid())).bytes, 6u);
  EXPECT_EQ(by(child_pid).bytes, 7u);
  for (const auto& [event, flow] : recorder.All<DatagramFlow>()) {
    EXPECT_EQ(event->header.credentials.euid,
              event->header.process.tgid == child_pid ? 65534u : 0u);
  }
}

TEST(DatagramFlowTest, SendByAThread_IsCreditedToItsProcess) {
  Recorder recorder(Quick());
  const UniqueFd receiver = Socket("127.0.0.1", 0, /*bind_it=*/true);
  const UniqueFd sender = Socket("127.0.0.1", 0);
  const uint16_t port = PortOf(receiver);
  std::thread([&] { EXPECT_EQ(SendTo(sender, "127.0.0.1", port, "thread"), 6); }).join();
  EXPECT_EQ(WaitForPackets(&recorder, To("127.0.0.1", port), 1).bytes, 6u);
  for (const auto& [event, flow] : recorder.All<DatagramFlow>()) {
    EXPECT_TRUE(IsProcess(event->header.process, getpid()));
  }
}

TEST(DatagramFlowTest, AnswersOfAServer_AreCountedUnderItsPort) {
  Recorder recorder(Quick());
  constexpr uint16_t kServicePort = 5300;
  const UniqueFd server = Socket("127.0.0.1", 0, /*bind_it=*/true, kServicePort);
  uint64_t answers = 0;
  for (int i = 0; i < 5; ++i) {
    const UniqueFd client = Socket("127.0.0.1", 0);
    ASSERT_EQ(SendTo(client, "127.0.0.1", kServicePort, "question"), 8);
    if (PortOf(client) < 32'768) continue;  // the host's range begins elsewhere
    ASSERT_EQ(SendTo(server, "127.0.0.1", PortOf(client), "answer"), 6);
    ++answers;
  }
  const Total questions = WaitForPackets(&recorder, To("127.0.0.1", kServicePort), 5);
  EXPECT_EQ(questions.packets, 5u);
  ASSERT_GT(answers, 0u);
  const Match answered = [&](const Event&, const DatagramFlow& flow) {
    return flow.local_port == kServicePort;
  };
  EXPECT_EQ(WaitForPackets(&recorder, answered, answers).packets, answers);
  for (const auto& [event, flow] : recorder.All<DatagramFlow>()) {
    if (answered(*event, *flow)) {
      EXPECT_EQ(flow->peer, (model::Endpoint{*model::ParseIpAddress("127.0.0.1"), 0}));
    }
  }
}

TEST(DatagramFlowTest, RawAndIcmpSockets_AreCountedByProtocol) {
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
  EXPECT_EQ(Sum(recorder, [](const Event&, const DatagramFlow&) { return true; }).packets, 8u);
}

TEST(DatagramFlowTest, Tcp_IsNotCounted) {
  Recorder recorder(Quick());
  TcpPair pair = ConnectedPair("127.0.0.1");
  ASSERT_TRUE(WriteAll(pair.client.get(), 100'000) && ReadAll(pair.server.get(), 100'000));
  const UniqueFd receiver = Socket("127.0.0.1", 0, /*bind_it=*/true);
  const UniqueFd sender = Socket("127.0.0.1", 0);
  ASSERT_EQ(SendTo(sender, "127.0.0.1", PortOf(receiver), "marker"), 6);
  WaitForPackets(&recorder, To("127.0.0.1", PortOf(receiver)), 1);
  EXPECT_EQ(Sum(recorder, [](const Event&, const DatagramFlow&) { return true; }).packets, 1u);
}

TEST(DatagramFlowTest, Flood_IsCountedWholeInFewRecords) {
  // Long enough that the flood takes few intervals.
  Recorder recorder({.datagram_interval = absl::Seconds(1)});
  const auto packets = static_cast<uint64_t>(Rounds(50'000));
  const UniqueFd receiver = Socket("127.0.0.1", 0, /*bind_it=*/true);
  const uint16_t port = PortOf(receiver);
  constexpr int kSenders = 2;
  std::vector<std::unique_ptr<Child>> senders;
  for (int i = 0; i < kSenders; ++i) {
    senders.push_back(std::make_unique<Child>([&] {
      const UniqueFd sender = Socket("127.0.0.1", 0);
      if (!ConnectTo(sender, "127.0.0.1", port)) return 1;
      const std::string data(100, 'x');
      for (uint64_t sent = 0; sent < packets; ++sent) {
        if (send(sender.get(), data.data(), data.size(), 0) != 100) return 2;
      }
      return 0;
    }));
  }
  const absl::Time begun = absl::Now();
  for (auto& sender : senders) EXPECT_EQ(sender->Wait(), 0);
  // A kernel that preempts programs has recursion misses, each of which may leave out one packet.
  const uint64_t least = kSenders * packets - recorder.Lost("datagram_flow");
  const Total total = WaitForPackets(&recorder, To("127.0.0.1", port), least);
  EXPECT_GE(total.packets, least);
  EXPECT_LE(total.packets, kSenders * packets);
  EXPECT_EQ(total.bytes, total.packets * 100);
  // One record for the first packet, then one an interval.
  const auto seconds = static_cast<uint64_t>(absl::ToDoubleSeconds(absl::Now() - begun));
  EXPECT_LE(total.records, kSenders * (seconds + 3));
}

TEST(DatagramFlowTest, MorePeersThanTheTableHolds_AreCountedTogether) {
  Recorder recorder({.max_flows = 64, .datagram_interval = absl::Seconds(1)});
  const UniqueFd sender = Socket("127.0.0.1", 0);
  constexpr uint64_t kPeers = 500;
  for (uint64_t i = 0; i < kPeers; ++i) {
    const std::string peer = "127.1." + std::to_string(i / 250) + "." + std::to_string(1 + i % 250);
    // No process receives it. The ICMP error may fail the next send, which then sends nothing.
    while (SendTo(sender, peer, 9, "probe") != 5) ASSERT_EQ(errno, ECONNREFUSED);
  }
  const Match any = [](const Event&, const DatagramFlow&) { return true; };
  const Total total = WaitForPackets(&recorder, any, kPeers);
  EXPECT_EQ(total.packets, kPeers);
  EXPECT_EQ(total.bytes, 5 * kPeers);
  const Total together = Sum(recorder, [](const Event&, const DatagramFlow& flow) {
    return flow.peer == model::Endpoint{};
  });
  EXPECT_GT(together.packets, 0u);
  EXPECT_EQ(recorder.Lost("datagram_flow"), 0u);
}

TEST(DatagramFlowTest, FullRing_KeepsTheCountForALaterRecord) {
  Recorder recorder({.low_ring_bytes = 4096, .datagram_interval = absl::Milliseconds(100)});
  const UniqueFd sender = Socket("127.0.0.1", 0);
  constexpr uint64_t kPeers = 200;  // their first records alone fill the ring many times
  for (uint64_t i = 0; i < kPeers; ++i) {
    const std::string peer = "127.2.0." + std::to_string(1 + i);
    while (SendTo(sender, peer, 9, "probe") != 5) ASSERT_EQ(errno, ECONNREFUSED);
  }
  // Makes room in the ring, also for the marker that Settle() waits for.
  recorder.WaitForBody<DatagramFlow>("the first flow",
                                     [](const auto&, const auto&) { return true; });
  const Match any = [](const Event&, const DatagramFlow&) { return true; };
  EXPECT_EQ(WaitForPackets(&recorder, any, kPeers).packets, kPeers);
  EXPECT_EQ(recorder.Lost("datagram_flow"), 0u);
}

TEST(DatagramFlowTest, SendInAnotherNetworkNamespace_EmitsNothing) {
  Recorder recorder(Quick());
  const UniqueFd receiver = Socket("127.0.0.1", 0, /*bind_it=*/true);
  const uint16_t port = PortOf(receiver);
  Child elsewhere([&] {
    if (!EnterNewNetworkNamespace()) return 1;
    const UniqueFd other = Socket("127.0.0.1", 0);
    if (SendTo(other, "127.0.0.1", port, "elsewhere") != 9) return 2;
    return 0;
  });
  EXPECT_EQ(elsewhere.Wait(), 0);
  const UniqueFd sender = Socket("127.0.0.1", 0);
  ASSERT_EQ(SendTo(sender, "127.0.0.1", port, "here"), 4);
  EXPECT_EQ(WaitForPackets(&recorder, To("127.0.0.1", port), 1).bytes, 4u);
  EXPECT_EQ(Sum(recorder, [](const Event&, const DatagramFlow&) { return true; }).packets, 1u);
}

}  // namespace
}  // namespace hoptrail::kernel_test
