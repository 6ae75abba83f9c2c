#include "agent/decode/decoder.h"

#include <cstring>
#include <random>
#include <string>

#include "bpf/abi/events.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <sys/sysmacros.h>

namespace hoptrail::agent::decode {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename T>
T Record(uint16_t type) {
  T record;
  std::memset(static_cast<void*>(&record), 0, sizeof(record));
  auto* header = reinterpret_cast<ht_header*>(&record);
  header->size = sizeof(T);
  header->type = type;
  return record;
}

template <typename T>
std::string Bytes(const T& record) {
  return std::string(reinterpret_cast<const char*>(&record), sizeof(record));
}

// A record of a program with its variable parts, as the kernel writes them.
std::string ExecRecord(uint16_t type, const std::string& path, const std::string& directory,
                       const std::string& arguments) {
  auto exec = Record<ht_exec>(type);
  exec.path.length = path.size();
  exec.directory.length = directory.size();
  exec.arguments.length = arguments.size();
  exec.header.size = sizeof(exec) + path.size() + directory.size() + arguments.size();
  exec.device = 8u << 20 | 3;
  exec.inode = 77;
  return Bytes(exec) + path + directory + arguments;
}

const std::string kPath("sshd\0sbin\0usr\0", 14);
const std::string kArguments("sshd\0-D\0", 8);

TEST(DecoderTest, ReadsTheHeader) {
  auto record = Record<ht_exit>(HT_TYPE_EXIT);
  record.status = 256;
  record.header.cpu = 3;
  record.header.boot_ns = 123;
  record.header.who.tgid = 10;
  record.header.who.start_ns = 11;
  record.header.who.tid = 12;
  record.header.who.parent_tgid = 13;
  record.header.who.label_tgid = 14;
  record.header.who.label_start_ns = 15;
  record.header.who.login_uid = 1000;
  record.header.who.network_namespace = 42;
  std::memcpy(record.header.who.comm, "sixteen-letters!", 16);  // no NUL
  const auto event = Decode(&record, sizeof(record));
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_EQ(event->header.cpu, 3u);
  EXPECT_EQ(event->header.boot_ns, 123u);
  EXPECT_EQ(event->header.process, (model::ProcessName{10, 11}));
  EXPECT_EQ(event->header.tid, 12u);
  EXPECT_EQ(event->header.parent.tgid, 13u);
  EXPECT_EQ(event->header.label, (model::ProcessName{14, 15}));
  EXPECT_EQ(event->header.credentials.login_uid, 1000u);
  EXPECT_EQ(event->header.namespaces.network, 42u);
  EXPECT_EQ(event->header.command, "sixteen-letters!");
  EXPECT_EQ(std::get<Exit>(event->body).status, 256);
}

TEST(DecoderTest, ReadsAProgram) {
  const std::string record = ExecRecord(HT_TYPE_EXEC, kPath, "", kArguments);
  const auto event = Decode(record.data(), record.size());
  ASSERT_TRUE(event.ok()) << event.status();
  const model::Image& image = std::get<Exec>(event->body).image;
  EXPECT_EQ(image.path, "/usr/sbin/sshd");
  EXPECT_EQ(image.working_directory, "/");
  EXPECT_THAT(image.arguments, ElementsAre("sshd", "-D"));
  EXPECT_FALSE(image.arguments_truncated);
  EXPECT_EQ(image.device, makedev(8, 3));
  EXPECT_EQ(image.inode, 77u);
}

TEST(DecoderTest, SaysWhatWasCut) {
  std::string record = ExecRecord(HT_TYPE_PROCESS_SNAPSHOT, kPath, kPath, "cut");
  ht_exec exec;
  std::memcpy(&exec, record.data(), sizeof(exec));
  exec.path.cut = exec.arguments.cut = 1;
  std::memcpy(record.data(), &exec, sizeof(exec));
  const auto event = Decode(record.data(), record.size());
  ASSERT_TRUE(event.ok()) << event.status();
  const model::Image& image = std::get<ProcessSnapshot>(event->body).image;
  EXPECT_EQ(image.path, "usr/sbin/sshd");
  EXPECT_EQ(image.working_directory, "/usr/sbin/sshd");
  EXPECT_THAT(image.arguments, ElementsAre("cut"));
  EXPECT_TRUE(image.arguments_truncated);
}

TEST(DecoderTest, KeepsEmptyArguments) {
  const std::string record = ExecRecord(HT_TYPE_EXEC, kPath, "", std::string("a\0\0b\0", 5));
  const auto event = Decode(record.data(), record.size());
  ASSERT_TRUE(event.ok());
  EXPECT_THAT(std::get<Exec>(event->body).image.arguments, ElementsAre("a", "", "b"));
}

TEST(DecoderTest, ReadsATcpStream) {
  std::string record = ExecRecord(HT_TYPE_EXEC, kPath, "", "");
  ht_exec exec;
  std::memcpy(&exec, record.data(), sizeof(exec));
  exec.streams[0].kind = HT_STREAM_TCP;
  exec.streams[0].tcp.side = HT_SIDE_SERVER;
  exec.streams[0].tcp.socket = 5;
  exec.streams[0].tcp.client_isn = 6;
  exec.streams[0].tcp.server_isn = 7;
  exec.streams[0].tcp.server_port = 22;
  exec.streams[1].kind = 200;
  std::memcpy(record.data(), &exec, sizeof(exec));
  const auto event = Decode(record.data(), record.size());
  ASSERT_TRUE(event.ok());
  const auto& streams = std::get<Exec>(event->body).streams;
  EXPECT_EQ(streams[0].kind, StreamKind::kTcp);
  EXPECT_TRUE(streams[0].accepted);
  EXPECT_EQ(streams[0].socket, 5u);
  EXPECT_EQ(streams[0].hop_name, (model::HopName{6, 7}));
  EXPECT_EQ(streams[0].flow.server.port, 22);
  EXPECT_EQ(streams[1].kind, StreamKind::kUnknown);
}

TEST(DecoderTest, ReadsConnections) {
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
  EXPECT_TRUE(tcp.hop_name.empty());
}

TEST(DecoderTest, ReadsWhoHoldsAConnection) {
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

TEST(DecoderTest, ReadsWitnesses) {
  auto pam = Record<ht_pam>(HT_TYPE_PAM);
  pam.step = HT_PAM_OPEN_SESSION;
  pam.verified = 1;
  pam.result = 7;
  pam.user.length = 4;
  std::memcpy(pam.user_bytes, "root", 4);
  pam.remote_host.length = 60000;  // more than the field holds
  std::memset(pam.remote_host_bytes, 'x', sizeof(pam.remote_host_bytes));
  const auto event = Decode(&pam, sizeof(pam));
  ASSERT_TRUE(event.ok());
  const auto& body = std::get<Pam>(event->body);
  EXPECT_EQ(body.step, PamStep::kOpenSession);
  EXPECT_EQ(body.user, "root");
  EXPECT_EQ(body.result, 7);
  EXPECT_TRUE(body.verified);
  EXPECT_EQ(body.remote_host, std::string(HT_PAM_HOST_BYTES, 'x'));

  auto sshd = Record<ht_sshd>(HT_TYPE_SSHD);
  sshd.text.length = 8;
  std::memcpy(sshd.bytes, "Accepted", 8);
  const auto message = Decode(&sshd, sizeof(sshd));
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(std::get<SshdMessage>(message->body).text, "Accepted");
}

TEST(DecoderTest, ReadsLosses) {
  auto lost = Record<ht_lost>(HT_TYPE_LOST);
  lost.ring = HT_RING_LOW;
  lost.record_type = HT_TYPE_EXEC;
  lost.count = 12;
  const auto event = Decode(&lost, sizeof(lost));
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(std::get<Lost>(event->body).where, "ring/low");
  EXPECT_EQ(std::get<Lost>(event->body).type, "exec");
  EXPECT_EQ(std::get<Lost>(event->body).count, 12u);
  lost.cause = HT_LOSS_SKIPPED;
  EXPECT_EQ(std::get<Lost>(Decode(&lost, sizeof(lost))->body).where, "skipped");
  lost.cause = HT_LOSS_CAUSES;
  EXPECT_EQ(std::get<Lost>(Decode(&lost, sizeof(lost))->body).where, "unknown");
}

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

TEST(DecoderTest, ReadsUnixConnects) {
  const std::string record = UnixRecord(HT_UNIX_PATH, std::string("agent.1\0tmp\0", 12));
  const auto event = Decode(record.data(), record.size());
  ASSERT_TRUE(event.ok()) << event.status();
  const auto& connect = std::get<UnixConnect>(event->body);
  EXPECT_EQ(connect.path, "/tmp/agent.1");
  EXPECT_FALSE(connect.path_cut);
  EXPECT_FALSE(connect.path_as_bound);
  EXPECT_EQ(connect.type, SocketType::kSequenced);
  EXPECT_EQ(connect.inode, 55u);
  EXPECT_EQ(connect.peer, (model::ProcessName{70, 71}));
  EXPECT_EQ(connect.peer_uid, 1000u);
  EXPECT_EQ(connect.peer_audit_session, 9u);
  EXPECT_EQ(connect.peer_pid_namespace, 100u);
  EXPECT_EQ(connect.count, 3u);
}

TEST(DecoderTest, ReadsEveryKindOfUnixName) {
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

TEST(DecoderTest, RefusesAUnixNameThatIsNotThere) {
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

TEST(DecoderTest, ReadsSends) {
  auto raw = Record<ht_sends>(HT_TYPE_SENDS);
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
  const auto& sends = std::get<Sends>(event->body);
  EXPECT_EQ(model::ToString(sends.peer), "192.0.0.7:53");
  EXPECT_EQ(sends.local_port, 5353);
  EXPECT_EQ(sends.protocol, 136);
  EXPECT_TRUE(sends.raw);
  EXPECT_TRUE(sends.first);
  EXPECT_EQ(sends.packets, 5u);
  EXPECT_EQ(sends.bytes, 600u);
  EXPECT_EQ(sends.network_namespace, 42u);
}

TEST(DecoderTest, ReadsWhereAProgramCameFrom) {
  std::string record = ExecRecord(HT_TYPE_EXEC, kPath, "", "");
  for (uint32_t flags : {0u, HT_EXEC_SET_ID, HT_EXEC_MEMORY, HT_EXEC_DELETED}) {
    std::memcpy(record.data() + offsetof(ht_exec, flags), &flags, sizeof(flags));
    const auto event = Decode(record.data(), record.size());
    ASSERT_TRUE(event.ok());
    const auto& exec = std::get<Exec>(event->body);
    EXPECT_EQ(exec.set_id, flags == HT_EXEC_SET_ID);
    EXPECT_EQ(exec.memory_only, flags == HT_EXEC_MEMORY);
    EXPECT_EQ(exec.deleted, flags == HT_EXEC_DELETED);
  }
}

TEST(DecoderTest, ReadsWatchedFiles) {
  auto file = Record<ht_file>(HT_TYPE_FILE);
  file.path.length = kPath.size();
  file.header.size += kPath.size();
  file.action = HT_FILE_RENAME;
  file.device = 8u << 20 | 3;
  file.inode = 77;
  file.mode = 0100600;
  file.owner = 1000;
  file.repeats = 4;
  file.flags = HT_FILE_WRITE | HT_FILE_CREATED;
  const std::string record = Bytes(file) + kPath;
  const auto event = Decode(record.data(), record.size());
  ASSERT_TRUE(event.ok()) << event.status();
  const auto& body = std::get<File>(event->body);
  EXPECT_EQ(body.action, FileAction::kRename);
  EXPECT_EQ(body.path, "/usr/sbin/sshd");
  EXPECT_EQ(body.device, makedev(8, 3));
  EXPECT_EQ(body.inode, 77u);
  EXPECT_EQ(body.mode, 0100600u);
  EXPECT_EQ(body.owner, 1000u);
  EXPECT_EQ(body.repeats, 4u);
  EXPECT_FALSE(body.reads);
  EXPECT_TRUE(body.writes);
  EXPECT_TRUE(body.created);
  EXPECT_FALSE(body.truncated);
  // A path that is longer than the record.
  EXPECT_FALSE(Decode(record.data(), record.size() - 1).ok());
  file.header.size = sizeof(file);
  EXPECT_FALSE(Decode(&file, sizeof(file)).ok());
}

TEST(DecoderTest, ReadsChanges) {
  auto credentials = Record<ht_credentials>(HT_TYPE_CREDENTIALS);
  credentials.change = HT_CHANGE_COMPARED;
  credentials.before.uid = 1000;
  credentials.after.euid = 7;
  credentials.after.egid = 8;
  credentials.after.login_uid = 9;
  credentials.after.audit_session = 10;
  credentials.after.effective = uint64_t{1} << 39;
  credentials.after.permitted = 5;
  auto event = Decode(&credentials, sizeof(credentials));
  ASSERT_TRUE(event.ok());
  const auto& change = std::get<CredentialsChange>(event->body);
  EXPECT_EQ(change.change, Change::kCompared);
  EXPECT_EQ(change.before.ids.uid, 1000u);
  EXPECT_EQ(change.after.ids, (model::Credentials{0, 7, 0, 8, 9, 10}));
  EXPECT_EQ(change.after.effective, uint64_t{1} << 39);
  EXPECT_EQ(change.after.permitted, 5u);

  auto namespaces = Record<ht_namespaces>(HT_TYPE_NAMESPACES);
  namespaces.change = HT_CHANGE_CLONE;
  namespaces.before.network = 1;
  namespaces.after = {2, 3, 4, 5, 6, 7, 8, 0};
  event = Decode(&namespaces, sizeof(namespaces));
  ASSERT_TRUE(event.ok());
  const auto& moved = std::get<NamespacesChange>(event->body);
  EXPECT_EQ(moved.change, Change::kClone);
  EXPECT_EQ(moved.before.network, 1u);
  EXPECT_EQ(moved.after, (NamespaceSet{2, 3, 4, 5, 6, 7, 8}));
}

TEST(DecoderTest, ReadsTampering) {
  auto record = Record<ht_tampering>(HT_TYPE_TAMPERING);
  record.kind = HT_TAMPERING_SIGNAL;
  record.signal = 19;
  record.target_tgid = 5;
  record.target_start_ns = 6;
  record.repeats = 2;
  std::memcpy(record.target_comm, "hoptrail-agent!!", 16);  // no NUL
  auto event = Decode(&record, sizeof(record));
  ASSERT_TRUE(event.ok());
  auto body = std::get<Tampering>(event->body);
  EXPECT_EQ(body.kind, TamperingKind::kSignal);
  EXPECT_EQ(body.signal, 19u);
  EXPECT_EQ(body.target, (model::ProcessName{5, 6}));
  EXPECT_EQ(body.target_command, "hoptrail-agent!!");
  EXPECT_EQ(body.repeats, 2u);
  record.kind = HT_TAMPERING_BPF;
  record.bpf_command = 13;
  record.object_kind = 200;
  record.object_id = 99;
  event = Decode(&record, sizeof(record));
  ASSERT_TRUE(event.ok());
  body = std::get<Tampering>(event->body);
  EXPECT_EQ(body.kind, TamperingKind::kBpf);
  EXPECT_EQ(body.bpf_command, 13u);
  EXPECT_EQ(body.object, ObjectKind::kUnknown);
  EXPECT_EQ(body.object_id, 99u);
}

TEST(DecoderTest, RefusesWhatIsTooShort) {
  for (uint16_t type = 1; type < HT_TYPES; ++type) {
    auto header = Record<ht_header>(type);
    if (type == HT_TYPE_SNAPSHOT_DONE) continue;
    EXPECT_FALSE(Decode(&header, sizeof(header)).ok()) << type;
  }
  EXPECT_FALSE(Decode(nullptr, 0).ok());
  EXPECT_FALSE(Decode("x", 1).ok());
}

TEST(DecoderTest, RefusesTimesThatNoClockShows) {
  const uint64_t never = uint64_t{1} << 62;
  auto fork = Record<ht_fork>(HT_TYPE_FORK);
  fork.header.boot_ns = fork.child_start_ns = fork.header.who.start_ns = never - 1;
  EXPECT_TRUE(Decode(&fork, sizeof(fork)).ok());
  for (uint64_t* time :
       {&fork.header.boot_ns, &fork.header.who.start_ns, &fork.header.who.parent_start_ns,
        &fork.header.who.label_start_ns, &fork.child_start_ns, &fork.child_label_start_ns}) {
    const uint64_t before = *time;
    *time = never;
    EXPECT_FALSE(Decode(&fork, sizeof(fork)).ok());
    *time = before;
  }
}

TEST(DecoderTest, RefusesUnknownTypes) {
  for (int type : {0, int{HT_TYPES}, 65535}) {
    auto header = Record<ht_header>(static_cast<uint16_t>(type));
    const auto event = Decode(&header, sizeof(header));
    ASSERT_FALSE(event.ok());
    EXPECT_THAT(std::string(event.status().message()), HasSubstr("unknown type"));
  }
}

TEST(DecoderTest, RefusesEveryCutOfAProgram) {
  const std::string record = ExecRecord(HT_TYPE_EXEC, kPath, kPath, kArguments);
  for (size_t size = 0; size < record.size(); ++size) {
    // In memory of exactly that size, so that a sanitizer sees a read past its end.
    const std::string cut(record.data(), size);
    EXPECT_FALSE(Decode(cut.data(), cut.size()).ok()) << size;
    if (size < sizeof(ht_header)) continue;
    // And with a header that claims no more than there is.
    std::string consistent = cut;
    const auto claimed = static_cast<uint32_t>(size);
    std::memcpy(consistent.data(), &claimed, sizeof(claimed));
    EXPECT_FALSE(Decode(consistent.data(), consistent.size()).ok()) << size;
  }
}

TEST(DecoderTest, SurvivesGarbage) {
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes(random() % 1200, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    if (bytes.size() >= sizeof(ht_header)) {
      // Often a plausible header, so that the rest is reached.
      const auto size = static_cast<uint32_t>(bytes.size());
      const auto type = static_cast<uint16_t>(random() % (HT_TYPES + 1));
      std::memcpy(bytes.data(), &size, sizeof(size));
      std::memcpy(bytes.data() + offsetof(ht_header, type), &type, sizeof(type));
    }
    const auto event = Decode(bytes.data(), bytes.size());
    if (event.ok()) {
      EXPECT_LE(event->header.command.size(), size_t{HT_COMM_BYTES});
    }
  }
}

}  // namespace
}  // namespace hoptrail::agent::decode
