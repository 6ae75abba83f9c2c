#include "agent/decode/process_bodies.h"

#include <fcntl.h>

#include <cstring>
#include <string>

#include "bpf/abi/events.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "agent/decode/decoder.h"
#include "agent/decode/decoder_testing.h"
#include <sys/syscall.h>
#include <sys/sysmacros.h>

namespace hoptrail::agent::decode {
namespace {

using ::testing::ElementsAre;

TEST(ProcessBodiesTest, ExecRecord_IsDecoded) {
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

TEST(ProcessBodiesTest, PathAndArgumentsCut_AreMarkedAsCut) {
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

TEST(ProcessBodiesTest, EmptyArguments_AreKept) {
  const std::string record = ExecRecord(HT_TYPE_EXEC, kPath, "", std::string("a\0\0b\0", 5));
  const auto event = Decode(record.data(), record.size());
  ASSERT_TRUE(event.ok());
  EXPECT_THAT(std::get<Exec>(event->body).image.arguments, ElementsAre("a", "", "b"));
}

TEST(ProcessBodiesTest, TcpStreamOfAnExec_IsDecoded) {
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
  EXPECT_EQ(streams[0].hop_key, (model::HopKey{6, 7}));
  EXPECT_EQ(streams[0].flow.server.port, 22);
  EXPECT_EQ(streams[1].kind, StreamKind::kUnknown);
}

TEST(ProcessBodiesTest, ExecFlags_AreDecodedOneByOne) {
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

TEST(ProcessBodiesTest, ControlGroups_AreSplitOrAbsentWhereTheParentsHold) {
  const std::string one("nginx.service\0system.slice\0\0", 28);
  const std::string other("tasks\0\0", 7);
  std::string record = ExecRecord(HT_TYPE_EXEC, kPath, kPath, kArguments, one + other);
  auto event = Decode(record.data(), record.size());
  ASSERT_TRUE(event.ok());
  EXPECT_FALSE(std::get<Exec>(event->body).cgroups.has_value()) << "the same as the parent's";
  ht_exec exec;
  std::memcpy(&exec, record.data(), sizeof(exec));
  exec.flags = HT_EXEC_CGROUPS;
  std::memcpy(record.data(), &exec, sizeof(exec));
  event = Decode(record.data(), record.size());
  ASSERT_TRUE(event.ok());
  EXPECT_THAT(std::get<Exec>(event->body).cgroups.value(),
              ElementsAre("/system.slice/nginx.service", "/tasks"));
  EXPECT_THAT(std::get<Exec>(event->body).image.arguments, ElementsAre("sshd", "-D"));

  // The process is at the root of every hierarchy; the first part of a group was cut off.
  record = ExecRecord(HT_TYPE_PROCESS_SNAPSHOT, kPath, "", "", "");
  std::memcpy(record.data() + offsetof(ht_exec, flags), &exec.flags, sizeof(exec.flags));
  event = Decode(record.data(), record.size());
  ASSERT_TRUE(event.ok());
  EXPECT_THAT(std::get<ProcessSnapshot>(event->body).cgroups.value(), ElementsAre());
  record = ExecRecord(HT_TYPE_EXEC, kPath, "", "", other + one.substr(0, 14));
  std::memcpy(&exec, record.data(), sizeof(exec));
  exec.flags = HT_EXEC_CGROUPS;
  exec.cgroups.cut = 1;
  std::memcpy(record.data(), &exec, sizeof(exec));
  event = Decode(record.data(), record.size());
  ASSERT_TRUE(event.ok());
  EXPECT_THAT(std::get<Exec>(event->body).cgroups.value(), ElementsAre("/tasks", "nginx.service"));
}

TEST(ProcessBodiesTest, CredentialsAndNamespacesRecords_AreDecoded) {
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

TEST(ProcessBodiesTest, TraceRecord_NamesTheMethodAndWhetherItCanWrite) {
  const auto decode = [](long system_call, uint32_t second = 0, uint32_t third = 0) {
    auto record = Record<ht_trace>(HT_TYPE_TRACE);
    record.target_tgid = 5;
    record.target_start_ns = 6;
    record.system_call = static_cast<int32_t>(system_call);
    record.second_argument = second;
    record.third_argument = third;
    record.repeats = 2;
    const auto event = Decode(&record, sizeof(record));
    EXPECT_TRUE(event.ok()) << event.status();
    return event.ok() ? std::get<Trace>(event->body) : Trace();
  };
  const Trace attached = decode(SYS_ptrace);
  EXPECT_EQ(attached.target, (model::ProcessKey{5, 6}));
  EXPECT_EQ(attached.method, TraceMethod::kPtrace);
  EXPECT_TRUE(attached.may_write);
  EXPECT_EQ(attached.repeats, 2u);
  EXPECT_EQ(decode(SYS_process_vm_writev).method, TraceMethod::kMemoryWrite);
  EXPECT_FALSE(decode(SYS_process_vm_readv).may_write);
  EXPECT_FALSE(decode(SYS_pidfd_getfd).may_write);
  EXPECT_FALSE(decode(SYS_read).may_write);
  EXPECT_EQ(decode(SYS_openat, O_RDWR, O_RDONLY).method, TraceMethod::kMemoryFile);
  EXPECT_FALSE(decode(SYS_openat, O_RDWR, O_RDONLY | O_CLOEXEC).may_write);
  EXPECT_TRUE(decode(SYS_openat, O_RDONLY, O_RDWR).may_write);
  EXPECT_TRUE(decode(SYS_openat2).may_write);
  EXPECT_EQ(decode(-1).method, TraceMethod::kUnknown);
  EXPECT_TRUE(decode(-1).may_write);
}

}  // namespace
}  // namespace hoptrail::agent::decode
