// Rarer forms of TCP: data in the SYN, SYN cookies, both ends calling connect, addresses with a
// scope.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include "tests/kernel/programs.h"
#include "tests/kernel/tcp_helpers.h"
#include <net/if.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::Accept;

void ExpectOneConnection(Recorder* recorder, uint16_t port) {
  const TcpEvent client = WaitForTcp(recorder, TcpPhase::kEstablished, TcpSide::kClient, port);
  const TcpEvent server = WaitForTcp(recorder, TcpPhase::kEstablished, TcpSide::kServer, port);
  const Event* accept = recorder->WaitForBody<Accept>(
      "accept", [&](const Event&, const Accept& body) { return body.flow.server.port == port; });
  const TcpEvent client_end = WaitForTcp(recorder, TcpPhase::kClosed, TcpSide::kClient, port);
  const TcpEvent server_end = WaitForTcp(recorder, TcpPhase::kClosed, TcpSide::kServer, port);
  ASSERT_NE(client.event, nullptr);
  ASSERT_NE(server.event, nullptr);
  ASSERT_NE(accept, nullptr);
  ASSERT_NE(client_end.event, nullptr);
  ASSERT_NE(server_end.event, nullptr);
  EXPECT_FALSE(client.tcp.hop_key.empty());
  EXPECT_EQ(server.tcp.hop_key, client.tcp.hop_key);
  EXPECT_EQ(std::get<Accept>(accept->body).hop_key, client.tcp.hop_key);
  EXPECT_EQ(client_end.tcp.hop_key, client.tcp.hop_key);
  EXPECT_EQ(server_end.tcp.hop_key, client.tcp.hop_key);
  EXPECT_EQ(server.tcp.flow, client.tcp.flow);
  EXPECT_EQ(client_end.tcp.bytes_sent, server_end.tcp.bytes_received);
  EXPECT_EQ(server_end.tcp.bytes_sent, client_end.tcp.bytes_received);
  for (const Event* event : {client.event, accept, client_end.event, server_end.event}) {
    EXPECT_TRUE(IsProcess(event->header.process, getpid()));
  }
}

// A listening socket that accepts data in the SYN without a cookie.
UniqueFd ListenForFastOpen(uint16_t* port) {
  // 0x1: client, 0x2: server, 0x4 and 0x200: without a cookie.
  EXPECT_TRUE(SetSysctl("ipv4/tcp_fastopen", "519"));
  UniqueFd listener = Listen("127.0.0.1", port);
  const int backlog = 16;
  EXPECT_EQ(setsockopt(listener.get(), IPPROTO_TCP, TCP_FASTOPEN, &backlog, sizeof(backlog)), 0);
  return listener;
}

bool HadDataInSyn(int fd) {
  tcp_info info = {};
  socklen_t length = sizeof(info);
  return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 &&
         (info.tcpi_options & TCPI_OPT_SYN_DATA) != 0;
}

TEST(TcpCasesTest, FastOpen_IsOneConnection) {
  Recorder recorder;
  uint16_t port = 0;
  const UniqueFd listener = ListenForFastOpen(&port);
  {
    const UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const std::string request(1000, 'r');
    ASSERT_EQ(sendto(client.get(), request.data(), request.size(), MSG_FASTOPEN,
                     Raw(V4("127.0.0.1", port)), sizeof(sockaddr_in)),
              1000);
    const UniqueFd server(accept(listener.get(), nullptr, nullptr));
    ASSERT_TRUE(ReadAll(server.get(), 1000));
    ASSERT_TRUE(HadDataInSyn(server.get())) << "the SYN carried no data";
    ASSERT_TRUE(WriteAll(server.get(), 500) && ReadAll(client.get(), 500));
    ASSERT_TRUE(WriteAll(client.get(), 10) && ReadAll(server.get(), 10));
  }
  ExpectOneConnection(&recorder, port);
}

// The client drops the server's packets, so the server accepts, reads and answers before the
// handshake is over.
TEST(TcpCasesTest, FastOpenAnsweredBeforeTheHandshakeEnds_IsOneConnection) {
  Recorder recorder;
  uint16_t port = 0;
  const UniqueFd listener = ListenForFastOpen(&port);
  {
    const UniqueFd client(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    ASSERT_EQ(DropIncoming(client.get()), 0);
    const std::string request(1000, 'r');
    const ssize_t sent = sendto(client.get(), request.data(), request.size(), MSG_FASTOPEN,
                                Raw(V4("127.0.0.1", port)), sizeof(sockaddr_in));
    ASSERT_TRUE(sent == 1000 || errno == EINPROGRESS) << strerror(errno);
    const UniqueFd server(accept(listener.get(), nullptr, nullptr));
    ASSERT_TRUE(ReadAll(server.get(), 1000));
    tcp_info info = {};
    socklen_t length = sizeof(info);
    ASSERT_EQ(getsockopt(server.get(), IPPROTO_TCP, TCP_INFO, &info, &length), 0);
    ASSERT_EQ(info.tcpi_state, TCP_SYN_RECV) << "the handshake is over already";
    ASSERT_TRUE(WriteAll(server.get(), 500));
    ASSERT_EQ(PassIncoming(client.get()), 0);
    ASSERT_EQ(ErrorOf(client.get()), 0);
    ASSERT_EQ(fcntl(client.get(), F_SETFL, 0), 0);
    ASSERT_TRUE(ReadAll(client.get(), 500));
  }
  ExpectOneConnection(&recorder, port);
}

// A counter of the test's own network namespace. The file has a line of names before each line of
// values.
uint64_t Statistic(const std::string& name) {
  std::istringstream file(ReadWholeFile("/proc/net/netstat"));
  std::string names, values;
  while (std::getline(file, names) && std::getline(file, values)) {
    std::istringstream name_words(names), value_words(values);
    std::string one_name, one_value;
    while (name_words >> one_name && value_words >> one_value) {
      if (one_name == name) return std::stoull(one_value);
    }
  }
  return 0;
}

TEST(TcpCasesTest, SynCookie_IsOneConnection) {
  Recorder recorder;
  ASSERT_TRUE(SetSysctl("ipv4/tcp_syncookies", "2"));
  uint16_t port = 0;
  {
    TcpPair pair = ConnectedPair("127.0.0.1");
    port = pair.port;
    ASSERT_TRUE(WriteAll(pair.client.get(), 3000) && ReadAll(pair.server.get(), 3000));
    ASSERT_TRUE(WriteAll(pair.server.get(), 20) && ReadAll(pair.client.get(), 20));
  }
  SetSysctl("ipv4/tcp_syncookies", "1");
  EXPECT_GT(Statistic("SyncookiesRecv"), 0u) << "the connection was made without a cookie";
  ExpectOneConnection(&recorder, port);
}

// The loopback interface has no link-local address, so the test adds one.
TEST(TcpCasesTest, LinkLocalAddresses_AreOneConnection) {
  Recorder recorder;
  const UniqueFd control(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  struct {
    in6_addr address;
    uint32_t prefix;
    int index;
  } own = {.prefix = 64, .index = static_cast<int>(if_nametoindex("lo"))};
  ASSERT_EQ(inet_pton(AF_INET6, "fe80::77", &own.address), 1);
  ASSERT_EQ(ioctl(control.get(), SIOCSIFADDR, &own), 0) << strerror(errno);
  sockaddr_in6 address = {};
  address.sin6_family = AF_INET6;
  address.sin6_addr = own.address;
  address.sin6_scope_id = static_cast<uint32_t>(own.index);
  socklen_t length = sizeof(address);
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  uint16_t port = 0;
  {
    const UniqueFd listener(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // bind(2) fails until the kernel has checked that no other host has the address.
    int bound = -1;
    for (int i = 0; i < 500 && bound != 0; ++i) {
      bound = bind(listener.get(), raw, length);
      if (bound != 0) usleep(10'000);
    }
    ASSERT_EQ(bound, 0) << strerror(errno);
    ASSERT_EQ(listen(listener.get(), 1), 0);
    ASSERT_EQ(getsockname(listener.get(), raw, &length), 0);
    port = ntohs(address.sin6_port);
    const UniqueFd client(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(connect(client.get(), raw, length), 0) << strerror(errno);
    const UniqueFd server(accept(listener.get(), nullptr, nullptr));
    ASSERT_TRUE(WriteAll(client.get(), 5) && ReadAll(server.get(), 5));
  }
  ExpectOneConnection(&recorder, port);
  const TcpEvent server = WaitForTcp(&recorder, TcpPhase::kEstablished, TcpSide::kServer, port);
  ASSERT_NE(server.event, nullptr);
  EXPECT_EQ(server.tcp.flow.server.address, *model::ParseIpAddress("fe80::77"));
  EXPECT_EQ(server.tcp.flow.client.address, *model::ParseIpAddress("fe80::77"));
}

constexpr uint16_t kFirstCrossingPort = 4110;

// Two sockets that have connected to each other, so that no end accepts. Their SYNs may still have
// missed each other: see HaveCrossed().
struct Crossing {
  uint16_t ports[2];
  UniqueFd ends[2];
};

Crossing ConnectBoth(uint16_t port) {
  Crossing both = {.ports = {port, static_cast<uint16_t>(port + 1)}};
  for (int i = 0; i < 2; ++i) {
    UniqueFd& end = both.ends[i];
    end = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    setsockopt(end.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    const sockaddr_in own = V4("127.0.0.1", both.ports[i]);
    EXPECT_EQ(bind(end.get(), Raw(own), sizeof(own)), 0) << strerror(errno);
    // Otherwise the first one's SYN would be refused, since nobody listens.
    EXPECT_EQ(DropIncoming(end.get()), 0);
  }
  for (int i = 0; i < 2; ++i) {
    const sockaddr_in peer = V4("127.0.0.1", both.ports[1 - i]);
    EXPECT_NE(connect(both.ends[i].get(), Raw(peer), sizeof(peer)), 0);
    EXPECT_EQ(errno, EINPROGRESS);
  }
  for (const UniqueFd& end : both.ends) EXPECT_EQ(PassIncoming(end.get()), 0);
  // Both SYNs are sent again, each when its own timer expires.
  for (const UniqueFd& end : both.ends) {
    EXPECT_EQ(ErrorOf(end.get()), 0);
    EXPECT_EQ(fcntl(end.get(), F_SETFL, 0), 0);
  }
  return both;
}

// Each end got a SYN and then a SYN-ACK. An end whose SYN arrived first gets the SYN-ACK alone, and
// is an ordinary client.
bool HaveCrossed(const Crossing& both) {
  bool crossed = true;
  for (const UniqueFd& end : both.ends) {
    struct {
      tcp_info first;  // as far as the C library's header has it
      uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
      uint32_t segments_out, segments_in;
    } info = {};
    static_assert(sizeof(info.first) == 104, "the kernel's tcpi_total_retrans ends here");
    socklen_t length = sizeof(info);
    EXPECT_EQ(getsockopt(end.get(), IPPROTO_TCP, TCP_INFO, &info, &length), 0);
    EXPECT_EQ(length, sizeof(info)) << "the kernel counts no segments";
    crossed = crossed && info.segments_in >= 2;
  }
  return crossed;
}

// Both ends call connect, so neither accepts. They must still emit one hop key and agree on the
// client, and each end is credited to the process that connected.
TEST(TcpCasesTest, SimultaneousConnect_IsOneConnectionWithOneClient) {
  constexpr int kTries = 20;
  Recorder recorder;
  uint16_t ports[2] = {};
  for (int i = 0; i < kTries && ports[0] == 0; ++i) {
    const Crossing both = ConnectBoth(static_cast<uint16_t>(kFirstCrossingPort + 2 * i));
    if (!HaveCrossed(both)) continue;
    ASSERT_TRUE(WriteAll(both.ends[0].get(), 7) && ReadAll(both.ends[1].get(), 7));
    ASSERT_TRUE(WriteAll(both.ends[1].get(), 9) && ReadAll(both.ends[0].get(), 9));
    ports[0] = both.ports[0];
    ports[1] = both.ports[1];
  }
  ASSERT_NE(ports[0], 0) << "the SYNs missed each other in all of " << kTries << " tries";
  recorder.Settle();
  std::vector<Tcp> established, closed;
  for (const auto& [event, tcp] : recorder.All<Tcp>()) {
    const uint16_t server_port = tcp->flow.server.port;
    if (server_port != ports[0] && server_port != ports[1]) continue;
    EXPECT_TRUE(IsProcess(event->header.process, getpid()));
    if (tcp->phase == TcpPhase::kEstablished) established.push_back(*tcp);
    if (tcp->phase == TcpPhase::kClosed) closed.push_back(*tcp);
  }
  for (const auto* two : {&established, &closed}) {
    ASSERT_EQ(two->size(), 2u);
    EXPECT_FALSE(two->at(0).hop_key.empty());
    EXPECT_EQ(two->at(0).hop_key, established[0].hop_key);
    EXPECT_EQ(two->at(1).hop_key, established[0].hop_key);
    EXPECT_EQ(two->at(0).flow, established[0].flow);
    EXPECT_EQ(two->at(1).flow, established[0].flow);
    EXPECT_NE(two->at(0).side, two->at(1).side);
  }
  EXPECT_EQ(closed[0].bytes_sent + closed[1].bytes_sent, 16u);
}

// A socket that connects to itself is both ends of its connection.
TEST(TcpCasesTest, SocketConnectedToItself_KeepsItsHopKey) {
  Recorder recorder;
  const sockaddr_in address = V4("127.0.0.1", 4103);
  {
    const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(bind(fd.get(), Raw(address), sizeof(address)), 0);
    ASSERT_EQ(connect(fd.get(), Raw(address), sizeof(address)), 0) << strerror(errno);
    ASSERT_TRUE(WriteAll(fd.get(), 3) && ReadAll(fd.get(), 3));
  }
  const TcpEvent made = WaitForTcp(&recorder, TcpPhase::kEstablished, TcpSide::kClient, 4103);
  const TcpEvent ended = WaitForTcp(&recorder, TcpPhase::kClosed, TcpSide::kClient, 4103);
  ASSERT_NE(made.event, nullptr);
  ASSERT_NE(ended.event, nullptr);
  EXPECT_TRUE(IsProcess(made.event->header.process, getpid()));
  EXPECT_EQ(made.tcp.hop_key, ended.tcp.hop_key);
}

}  // namespace
}  // namespace hoptrail::kernel_test
