// Attempts to connect that fail: after a time-out, at once, later, or because their owner gave up.

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include "tests/kernel/programs.h"
#include "tests/kernel/tcp_helpers.h"
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>

namespace hoptrail::kernel_test {
namespace {

// Routes 192.0.2.0/24 back to this host, which has no such address and does not answer.
bool AddSilentRoute() {
  struct {
    nlmsghdr header;
    rtmsg route;
    rtattr destination;
    in_addr network;
    rtattr device;
    int index;
  } request = {};
  request.header = {sizeof(request), RTM_NEWROUTE,
                    NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, 1, 0};
  request.route.rtm_family = AF_INET;
  request.route.rtm_dst_len = 24;
  request.route.rtm_table = RT_TABLE_MAIN;
  request.route.rtm_protocol = RTPROT_STATIC;
  request.route.rtm_scope = RT_SCOPE_LINK;
  request.route.rtm_type = RTN_UNICAST;
  request.destination = {RTA_LENGTH(sizeof(in_addr)), RTA_DST};
  inet_pton(AF_INET, "192.0.2.0", &request.network);
  request.device = {RTA_LENGTH(sizeof(int)), RTA_OIF};
  request.index = static_cast<int>(if_nametoindex("lo"));
  const UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (send(fd.get(), &request, sizeof(request), 0) != ssize_t{sizeof(request)}) return false;
  struct {
    nlmsghdr header;
    nlmsgerr error;
  } answer = {};
  if (recv(fd.get(), &answer, sizeof(answer), 0) < ssize_t{sizeof(answer)}) return false;
  errno = -answer.error.error;
  return answer.error.error == 0;
}

TEST(TcpAttemptsTest, ConnectThatTimesOut_EmitsTheError) {
  Recorder recorder;
  ASSERT_TRUE(AddSilentRoute()) << strerror(errno);
  const UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int one = 1;
  ASSERT_EQ(setsockopt(client.get(), IPPROTO_TCP, TCP_SYNCNT, &one, sizeof(one)), 0);
  ASSERT_NE(connect(client.get(), Raw(V4("192.0.2.7", 4001)), sizeof(sockaddr_in)), 0);
  ASSERT_EQ(errno, ETIMEDOUT);
  const TcpEvent failed = WaitForTcp(&recorder, TcpPhase::kFailed, TcpSide::kClient, 4001);
  ASSERT_NE(failed.event, nullptr);
  EXPECT_EQ(failed.tcp.error, ETIMEDOUT);
  EXPECT_EQ(failed.tcp.flow.server.address, *model::ParseIpAddress("192.0.2.7"));
  EXPECT_TRUE(failed.tcp.hop_key.empty());
  EXPECT_TRUE(IsProcess(failed.event->header.process, getpid()));
}

uint16_t Checksum(const void* data, size_t size) {
  uint32_t sum = 0;
  for (size_t i = 0; i + 1 < size; i += 2) {
    uint16_t word;
    std::memcpy(&word, static_cast<const char*>(data) + i, sizeof(word));
    sum += word;
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

// Answers the first SYN to `port` that it reads from `packets` with ICMP "host unreachable", as a
// router does.
bool AnswerUnreachable(int packets, uint16_t port) {
  char packet[256];
  while (recv(packets, packet, sizeof(packet), 0) >= ssize_t{sizeof(iphdr) + sizeof(tcphdr)}) {
    tcphdr tcp;
    std::memcpy(&tcp, packet + sizeof(iphdr), sizeof(tcp));
    if (ntohs(tcp.dest) != port || tcp.syn == 0) continue;
    struct {
      icmphdr header;
      char quoted[sizeof(iphdr) + 8];
    } answer = {};
    answer.header.type = ICMP_DEST_UNREACH;
    answer.header.code = ICMP_HOST_UNREACH;
    std::memcpy(answer.quoted, packet, sizeof(answer.quoted));
    answer.header.checksum = Checksum(&answer, sizeof(answer));
    const UniqueFd router(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP));
    return sendto(router.get(), &answer, sizeof(answer), 0, Raw(V4("127.0.0.1", 0)),
                  sizeof(sockaddr_in)) == ssize_t{sizeof(answer)};
  }
  return false;
}

TEST(TcpAttemptsTest, ConnectToAnUnreachableHost_EmitsTheError) {
  Recorder recorder;
  uint16_t port = 0;
  const UniqueFd silent = Listen("127.0.0.1", &port);
  ASSERT_EQ(DropIncoming(silent.get()), 0);
  const UniqueFd packets(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP));
  const UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  ASSERT_NE(connect(client.get(), Raw(V4("127.0.0.1", port)), sizeof(sockaddr_in)), 0);
  ASSERT_EQ(errno, EINPROGRESS);
  ASSERT_TRUE(AnswerUnreachable(packets.get(), port)) << strerror(errno);
  ASSERT_EQ(ErrorOf(client.get()), EHOSTUNREACH);
  const TcpEvent failed = WaitForTcp(&recorder, TcpPhase::kFailed, TcpSide::kClient, port);
  ASSERT_NE(failed.event, nullptr);
  EXPECT_EQ(failed.tcp.error, EHOSTUNREACH);
  EXPECT_TRUE(IsProcess(failed.event->header.process, getpid()));
}

// Without a route nothing leaves the host.
TEST(TcpAttemptsTest, ConnectWithoutARoute_EmitsNothing) {
  Recorder recorder;
  const UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_NE(connect(client.get(), Raw(V4("198.51.100.1", 4003)), sizeof(sockaddr_in)), 0);
  ASSERT_EQ(errno, ENETUNREACH);
  recorder.Settle();
  EXPECT_TRUE(recorder.All<Tcp>().empty());
}

TEST(TcpAttemptsTest, NonBlockingConnect_EmitsItsOutcome) {
  Recorder recorder;
  uint16_t open_port = 0, closed_port = 0;
  const UniqueFd listener = Listen("127.0.0.1", &open_port);
  Listen("127.0.0.1", &closed_port);  // and closed at once
  Child child([&] {
    const auto attempt = [](uint16_t port) {
      const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      if (connect(fd.get(), Raw(V4("127.0.0.1", port)), sizeof(sockaddr_in)) == 0) return 0;
      return errno == EINPROGRESS ? ErrorOf(fd.get()) : errno;
    };
    return attempt(open_port) == 0 && attempt(closed_port) == ECONNREFUSED ? 0 : 1;
  });
  const auto pid = static_cast<uint32_t>(child.pid());
  EXPECT_EQ(child.Wait(), 0);
  const TcpEvent made = WaitForTcp(&recorder, TcpPhase::kEstablished, TcpSide::kClient, open_port);
  ASSERT_NE(made.event, nullptr);
  EXPECT_EQ(made.event->header.process.tgid, pid);
  const TcpEvent failed = WaitForTcp(&recorder, TcpPhase::kFailed, TcpSide::kClient, closed_port);
  ASSERT_NE(failed.event, nullptr);
  EXPECT_EQ(failed.event->header.process.tgid, pid);
  EXPECT_EQ(failed.tcp.error, ECONNREFUSED);
}

// Its owner closes the socket: the attempt ends without an error.
TEST(TcpAttemptsTest, ConnectGivenUpByItsOwner_EmitsAFailureWithoutAnError) {
  Recorder recorder;
  ASSERT_TRUE(AddSilentRoute()) << strerror(errno);
  {
    const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    connect(fd.get(), Raw(V4("192.0.2.9", 4004)), sizeof(sockaddr_in));
    ASSERT_EQ(errno, EINPROGRESS);
  }
  const TcpEvent failed = WaitForTcp(&recorder, TcpPhase::kFailed, TcpSide::kClient, 4004);
  ASSERT_NE(failed.event, nullptr);
  EXPECT_EQ(failed.tcp.error, 0);
}

}  // namespace
}  // namespace hoptrail::kernel_test
