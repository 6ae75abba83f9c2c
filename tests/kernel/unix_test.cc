// Records of UNIX connects, against what a small program did.

#include <fcntl.h>
#include <unistd.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::SocketType;
using agent::decode::UnixConnect;

constexpr uint32_t kNobody = 65534;

// A directory of the test's own. The destructor removes it with its files.
class Directory {
 public:
  Directory() {
    char name[] = "/tmp/hoptrail-unix-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr) << strerror(errno);
    path_ = name;
    EXPECT_EQ(chmod(name, 0755), 0);
  }
  ~Directory() {
    for (const std::string& name : made_) unlink(name.c_str());
    rmdir(path_.c_str());
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  std::string File(const std::string& name) {
    made_.push_back(path_ + "/" + name);
    return made_.back();
  }

 private:
  std::string path_;
  std::vector<std::string> made_;
};

// A `name` that begins with '@' is an abstract one. Returns the address's length.
socklen_t FillAddress(const std::string& name, sockaddr_un* address) {
  *address = {};
  address->sun_family = AF_UNIX;
  EXPECT_LT(name.size(), sizeof(address->sun_path));
  memcpy(address->sun_path, name.data(), name.size());
  if (name[0] != '@') return sizeof(*address);
  address->sun_path[0] = '\0';
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
}

UniqueFd Serve(const std::string& name, int type) {
  sockaddr_un address;
  const socklen_t length = FillAddress(name, &address);
  UniqueFd fd(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length), 0)
      << name << ": " << strerror(errno);
  if (name[0] != '@') chmod(name.c_str(), 0777);
  if (type != SOCK_DGRAM) {
    EXPECT_EQ(listen(fd.get(), 16), 0) << strerror(errno);
  }
  return fd;
}

UniqueFd ConnectTo(const std::string& name, int type) {
  sockaddr_un address;
  const socklen_t length = FillAddress(name, &address);
  UniqueFd fd(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) fd.reset();
  return fd;
}

const Event* WaitForPath(Recorder* recorder, const std::string& path) {
  return recorder->WaitForBody<UnixConnect>(
      "connect to " + path,
      [&](const Event&, const UnixConnect& connect) { return connect.path == path; });
}

struct Kind {
  const char* name;
  int type;
  SocketType expected_type;
  bool abstract;
};

class UnixTest : public testing::TestWithParam<Kind> {};

TEST_P(UnixTest, Connect_EmitsTheSocketAndBothProcesses) {
  Recorder recorder;
  Directory directory;
  const Kind& kind = GetParam();
  const std::string name = kind.abstract ? absl::StrCat("@hoptrail/", getpid(), "/", kind.name)
                                         : directory.File("agent.1");
  int ready[2], go[2];
  ASSERT_EQ(pipe2(ready, O_CLOEXEC), 0);
  ASSERT_EQ(pipe2(go, O_CLOEXEC), 0);
  Child server([&] {
    if (setresgid(kNobody, kNobody, kNobody) != 0) return 1;
    umask(0);
    if (kind.abstract) {
      if (setresuid(kNobody, kNobody, kNobody) != 0) return 2;
    }
    const UniqueFd fd = Serve(name, kind.type);
    if (!kind.abstract) {
      if (setresuid(kNobody, kNobody, kNobody) != 0) return 2;
      // The last process to call listen is the peer.
      if (kind.type != SOCK_DGRAM && listen(fd.get(), 16) != 0) return 3;
    }
    char byte = 0;
    if (write(ready[1], &byte, 1) != 1) return 4;
    return read(go[0], &byte, 1) == 1 ? 0 : 5;
  });
  const auto server_pid = static_cast<uint32_t>(server.pid());
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  const UniqueFd client = ConnectTo(name, kind.type);
  ASSERT_TRUE(client.valid()) << strerror(errno);
  const Event* event = WaitForPath(&recorder, name);
  ASSERT_NE(event, nullptr);
  const auto& connect = std::get<UnixConnect>(event->body);
  EXPECT_TRUE(IsProcess(event->header.process, getpid()));
  EXPECT_EQ(event->header.credentials.euid, 0u);
  EXPECT_EQ(connect.type, kind.expected_type);
  EXPECT_EQ(connect.count, 1u);
  EXPECT_FALSE(connect.path_cut);
  EXPECT_FALSE(connect.path_as_bound);
  if (kind.type == SOCK_DGRAM) {
    EXPECT_TRUE(connect.peer.empty());
    // The owner of the socket is the user that made it.
    EXPECT_EQ(connect.peer_uid, kind.abstract ? kNobody : 0u);
  } else {
    EXPECT_TRUE(IsProcess(connect.peer, static_cast<pid_t>(server_pid)));
    EXPECT_EQ(connect.peer_uid, kNobody);
    EXPECT_EQ(connect.peer_audit_session, event->header.credentials.audit_session);
    EXPECT_EQ(connect.peer_pid_namespace, event->header.namespaces.pid);
  }
  struct stat file = {};
  if (kind.abstract) {
    EXPECT_EQ(connect.inode, 0u);
  } else {
    ASSERT_EQ(stat(name.c_str(), &file), 0);
    EXPECT_EQ(connect.inode, file.st_ino);
  }
  ASSERT_EQ(write(go[1], &byte, 1), 1);
  EXPECT_EQ(server.Wait(), 0);
  for (int fd : {ready[0], ready[1], go[0], go[1]}) close(fd);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, UnixTest,
    testing::Values(Kind{"Stream", SOCK_STREAM, SocketType::kStream, false},
                    Kind{"Sequenced", SOCK_SEQPACKET, SocketType::kSequenced, false},
                    Kind{"Datagram", SOCK_DGRAM, SocketType::kDatagram, false},
                    Kind{"AbstractStream", SOCK_STREAM, SocketType::kStream, true},
                    Kind{"AbstractSequenced", SOCK_SEQPACKET, SocketType::kSequenced, true},
                    Kind{"AbstractDatagram", SOCK_DGRAM, SocketType::kDatagram, true}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(UnixConnectTest, AbstractNameWithNulAndControlBytes_IsEmitted) {
  Recorder recorder;
  std::string name = absl::StrCat("@hoptrail/", getpid(), "/");
  name.push_back('\0');
  name += "\n\xff";
  const UniqueFd server = Serve(name, SOCK_STREAM);
  const UniqueFd client = ConnectTo(name, SOCK_STREAM);
  ASSERT_TRUE(client.valid()) << strerror(errno);
  std::string shown = name;
  shown[shown.size() - 3] = '@';
  EXPECT_NE(WaitForPath(&recorder, shown), nullptr);
}

TEST(UnixConnectTest, ConnectByARelativePath_EmitsTheAbsolutePath) {
  Recorder recorder;
  Directory directory;
  const std::string path = directory.File("mux");
  const UniqueFd server = Serve(path, SOCK_STREAM);
  Child child([&] {
    if (chdir("/tmp") != 0) return 1;
    return ConnectTo("./" + path.substr(5), SOCK_STREAM).valid() ? 0 : 2;
  });
  const auto pid = static_cast<uint32_t>(child.pid());
  EXPECT_EQ(child.Wait(), 0);
  const Event* event = WaitForPath(&recorder, path);
  ASSERT_NE(event, nullptr);
  EXPECT_EQ(event->header.process.tgid, pid);
  EXPECT_TRUE(IsProcess(std::get<UnixConnect>(event->body).peer, getpid()));
}

TEST(UnixConnectTest, RenamedSocket_IsEmittedWithItsPresentPath) {
  Recorder recorder;
  Directory directory;
  const std::string before = directory.File("before");
  const std::string after = directory.File("after");
  const UniqueFd server = Serve(before, SOCK_STREAM);
  ASSERT_EQ(rename(before.c_str(), after.c_str()), 0);
  ASSERT_TRUE(ConnectTo(after, SOCK_STREAM).valid());
  EXPECT_NE(WaitForPath(&recorder, after), nullptr);
}

TEST(UnixConnectTest, PeerThatHasEnded_IsEmittedWithItsPidAndUser) {
  Recorder recorder;
  Directory directory;
  const std::string path = directory.File("orphan");
  const UniqueFd server = Serve(path, SOCK_STREAM);
  Child listener([&] {
    if (setresuid(kNobody, kNobody, kNobody) != 0) return 1;
    return listen(server.get(), 16) == 0 ? 0 : 2;
  });
  const auto pid = static_cast<uint32_t>(listener.pid());
  ASSERT_EQ(listener.Wait(), 0);
  ASSERT_TRUE(ConnectTo(path, SOCK_STREAM).valid());
  const Event* event = WaitForPath(&recorder, path);
  ASSERT_NE(event, nullptr);
  const auto& connect = std::get<UnixConnect>(event->body);
  EXPECT_EQ(connect.peer.tgid, pid);
  EXPECT_EQ(connect.peer.start_boot_ns, 0u);
  EXPECT_EQ(connect.peer_uid, kNobody);
}

TEST(UnixConnectTest, FailedConnect_EmitsNothing) {
  Recorder recorder;
  Directory directory;
  const std::string dead = directory.File("dead");
  Serve(dead, SOCK_STREAM);  // and closed at once
  const std::string closed = directory.File("closed");
  const UniqueFd server = Serve(closed, SOCK_STREAM);
  ASSERT_EQ(chmod(closed.c_str(), 0700), 0);
  Child child([&] {
    if (setresuid(kNobody, kNobody, kNobody) != 0) return 1;
    return ConnectTo(closed, SOCK_STREAM).valid() || ConnectTo(dead, SOCK_STREAM).valid() ? 2 : 0;
  });
  EXPECT_EQ(child.Wait(), 0);
  const std::string open = directory.File("open");
  const UniqueFd other = Serve(open, SOCK_STREAM);
  ASSERT_TRUE(ConnectTo(open, SOCK_STREAM).valid());
  ASSERT_NE(WaitForPath(&recorder, open), nullptr);
  EXPECT_EQ(recorder.All<UnixConnect>().size(), 1u);
}

TEST(UnixConnectTest, RepeatedConnectsInOneInterval_AreEmittedOncePerProcess) {
  Recorder recorder({.unix_interval = absl::Hours(1)});
  Directory directory;
  const std::string path = directory.File("busy");
  const UniqueFd server = Serve(path, SOCK_STREAM);
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(ConnectTo(path, SOCK_STREAM).valid());
    const UniqueFd accepted(accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
    ASSERT_TRUE(accepted.valid());
  }
  Child child([&] { return ConnectTo(path, SOCK_STREAM).valid() ? 0 : 1; });
  EXPECT_EQ(child.Wait(), 0);
  recorder.Settle();
  EXPECT_EQ(recorder.All<UnixConnect>().size(), 2u);  // ours and the child's
}

// The kernel gives the memory and the inode number of a removed socket to the next one.
TEST(UnixConnectTest, SocketWithAReusedInodeNumber_IsEmitted) {
  Recorder recorder({.unix_interval = absl::Hours(1)});
  Directory directory;
  for (int i = 0; i < 20; ++i) {
    const std::string path = directory.File(absl::StrCat("server.", i));
    const UniqueFd server = Serve(path, SOCK_STREAM);
    ASSERT_TRUE(ConnectTo(path, SOCK_STREAM).valid());
    ASSERT_EQ(unlink(path.c_str()), 0);
  }
  recorder.Settle();
  EXPECT_EQ(recorder.All<UnixConnect>().size(), 20u);
}

TEST(UnixConnectTest, RepeatedConnects_AreAllCounted) {
  // So short that every connect ends an interval.
  Recorder recorder({.unix_interval = absl::Nanoseconds(1)});
  Directory directory;
  const std::string path = directory.File("counted");
  const UniqueFd server = Serve(path, SOCK_STREAM);
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(ConnectTo(path, SOCK_STREAM).valid());
    const UniqueFd accepted(accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
    ASSERT_TRUE(accepted.valid());
  }
  recorder.Settle();
  uint64_t count = 0;
  for (const auto& [event, connect] : recorder.All<UnixConnect>()) count += connect->count;
  EXPECT_EQ(count, 50u);
}

TEST(UnixConnectTest, ConnectInAnotherNetworkNamespace_EmitsNothing) {
  Recorder recorder;
  Directory directory;
  const std::string path = directory.File("shared");
  const UniqueFd server = Serve(path, SOCK_STREAM);
  Child elsewhere([&] {
    if (!EnterNewNetworkNamespace()) return 1;
    return ConnectTo(path, SOCK_STREAM).valid() ? 0 : 2;
  });
  EXPECT_EQ(elsewhere.Wait(), 0);
  ASSERT_TRUE(ConnectTo(path, SOCK_STREAM).valid());
  ASSERT_NE(WaitForPath(&recorder, path), nullptr);
  EXPECT_EQ(recorder.All<UnixConnect>().size(), 1u);
}

}  // namespace
}  // namespace hoptrail::kernel_test
