#include "agent/decode/socket_bodies.h"

#include <cstring>
#include <string>

#include "bpf/abi/events.h"
#include "gtest/gtest.h"

#include "agent/decode/decoder.h"
#include "agent/decode/decoder_testing.h"
#include <sys/socket.h>

namespace hoptrail::agent::decode {
namespace {

std::string UnixRecord(uint8_t kind, const std::string& name, bool cut = false) {
  auto raw = Record<ht_unix_connect>(HT_TYPE_UNIX_CONNECT);
  raw.header.size = static_cast<uint32_t>(sizeof(raw) + name.size());
  raw.peer_tgid = 70;
  raw.peer_start_ns = 71;
  raw.peer_uid = 1000;
  raw.peer_audit_session = 9;
  raw.peer_pid_namespace = 100;
  raw.inode = 55;
  raw.repeats = 3;
  raw.socket_type = 5;  // SOCK_SEQPACKET
  raw.name_kind = kind;
  raw.name.length = static_cast<uint16_t>(name.size());
  raw.name.cut = cut ? 1 : 0;
  return std::string(reinterpret_cast<const char*>(&raw), sizeof(raw)) + name;
}

TEST(SocketBodiesTest, TcpRecord_IsDecoded) {
  auto record = Record<ht_tcp>(HT_TYPE_TCP);
  record.phase = HT_TCP_CLOSED;
  record.connection.side = HT_SIDE_CLIENT;
  record.connection.socket = 1;
  record.connection.client_address[15] = 1;
  record.connection.client_port = 40000;
  record.connection.rtt_us = 9;
  record.bytes_sent = 100;
  record.bytes_received = 200;
  const auto event = Decode(&record, sizeof(record));
  ASSERT_TRUE(event.ok());
  const auto& tcp = std::get<Tcp>(event->body);
  EXPECT_EQ(tcp.phase, TcpPhase::kClosed);
  EXPECT_EQ(tcp.side, TcpSide::kClient);
  EXPECT_EQ(model::ToString(tcp.flow.client), "[::1]:40000");
  EXPECT_EQ(tcp.bytes_sent, 100u);
  EXPECT_EQ(tcp.bytes_received, 200u);
  EXPECT_TRUE(tcp.hop_key.empty());
}

TEST(SocketBodiesTest, AcceptRecord_HasAClientSideOnlyWhenHandedOver) {
  auto record = Record<ht_accept>(HT_TYPE_ACCEPT);
  record.connection.side = HT_SIDE_CLIENT;
  record.first_use = 1;
  auto event = Decode(&record, sizeof(record));
  ASSERT_TRUE(event.ok());
  EXPECT_TRUE(std::get<Accept>(event->body).first_use);
  EXPECT_FALSE(std::get<Accept>(event->body).handed_over);
  EXPECT_EQ(std::get<Accept>(event->body).side, TcpSide::kServer);
  record.first_use = 0;
  record.handed_over = 1;
  event = Decode(&record, sizeof(record));
  ASSERT_TRUE(event.ok());
  EXPECT_TRUE(std::get<Accept>(event->body).handed_over);
  EXPECT_EQ(std::get<Accept>(event->body).side, TcpSide::kClient);
}

TEST(SocketBodiesTest, UnixConnectRecord_IsDecoded) {
  const std::string record = UnixRecord(HT_UNIX_PATH, std::string("agent.1\0tmp\0", 12));
  const auto event = Decode(record.data(), record.size());
  ASSERT_TRUE(event.ok()) << event.status();
  const auto& connect = std::get<UnixConnect>(event->body);
  EXPECT_EQ(connect.path, "/tmp/agent.1");
  EXPECT_FALSE(connect.path_cut);
  EXPECT_FALSE(connect.path_as_bound);
  EXPECT_EQ(connect.type, SocketType::kSequenced);
  EXPECT_EQ(connect.inode, 55u);
  EXPECT_EQ(connect.peer, (model::ProcessKey{70, 71}));
  EXPECT_EQ(connect.peer_uid, 1000u);
  EXPECT_EQ(connect.peer_audit_session, 9u);
  EXPECT_EQ(connect.peer_pid_namespace, 100u);
  EXPECT_EQ(connect.count, 3u);
}

TEST(SocketBodiesTest, UnixNameOfEveryKind_IsDecoded) {
  const auto decode = [](const std::string& record) {
    const auto event = Decode(record.data(), record.size());
    EXPECT_TRUE(event.ok()) << event.status();
    return event.ok() ? std::get<UnixConnect>(event->body) : UnixConnect();
  };
  const UnixConnect cut = decode(UnixRecord(HT_UNIX_PATH, std::string("a\0b\0", 4), true));
  EXPECT_EQ(cut.path, "b/a");
  EXPECT_TRUE(cut.path_cut);
  EXPECT_EQ(decode(UnixRecord(HT_UNIX_ABSTRACT, std::string("a\0b", 3))).path, "@a@b");
  const UnixConnect bound = decode(UnixRecord(HT_UNIX_BOUND, std::string("./mux\0xx", 8)));
  EXPECT_EQ(bound.path, "./mux");
  EXPECT_TRUE(bound.path_as_bound);
  EXPECT_EQ(decode(UnixRecord(HT_UNIX_UNNAMED, "")).path, "");
  EXPECT_EQ(decode(UnixRecord(200, "x")).path, "");
}

TEST(SocketBodiesTest, UnixConnectRecordCutAnywhere_IsRefused) {
  const std::string record = UnixRecord(HT_UNIX_PATH, std::string("agent.1\0tmp\0", 12));
  for (size_t size = 0; size < record.size(); ++size) {
    std::string cut(record.data(), size);
    EXPECT_FALSE(Decode(cut.data(), cut.size()).ok()) << size;
    if (size < sizeof(ht_header)) continue;
    const auto claimed = static_cast<uint32_t>(size);
    std::memcpy(cut.data(), &claimed, sizeof(claimed));
    EXPECT_FALSE(Decode(cut.data(), cut.size()).ok()) << size;
  }
}

TEST(SocketBodiesTest, DatagramFlowRecord_IsDecoded) {
  auto raw = Record<ht_datagram_flow>(HT_TYPE_DATAGRAM_FLOW);
  raw.packets = 5;
  raw.bytes = 600;
  raw.peer_address[10] = raw.peer_address[11] = 0xff;
  raw.peer_address[12] = 192;
  raw.peer_address[15] = 7;
  raw.peer_port = 53;
  raw.local_port = 5353;
  raw.protocol = 136;
  raw.raw = raw.first = 1;
  raw.network_namespace = 42;
  const auto event = Decode(&raw, sizeof(raw));
  ASSERT_TRUE(event.ok()) << event.status();
  const auto& flow = std::get<DatagramFlow>(event->body);
  EXPECT_EQ(model::ToString(flow.peer), "192.0.0.7:53");
  EXPECT_EQ(flow.local_port, 5353);
  EXPECT_EQ(flow.protocol, 136);
  EXPECT_TRUE(flow.raw);
  EXPECT_TRUE(flow.first);
  EXPECT_EQ(flow.packets, 5u);
  EXPECT_EQ(flow.bytes, 600u);
  EXPECT_EQ(flow.network_namespace, 42u);
}

}  // namespace
}  // namespace hoptrail::agent::decode
