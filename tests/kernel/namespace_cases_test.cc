// Processes in namespaces of their own are emitted as the host sees them.

#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include "tests/kernel/programs.h"
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::Exit;
using agent::decode::Fork;
using agent::decode::Tcp;
using agent::decode::TcpPhase;
using ExecEvent = agent::decode::Exec;

constexpr uid_t kNobody = 65534;

uint32_t NamespaceOf(pid_t pid, const char* kind) {
  struct stat file = {};
  return stat(absl::StrCat("/proc/", pid, "/ns/", kind).c_str(), &file) == 0
             ? static_cast<uint32_t>(file.st_ino)
             : 0;
}

// Lets two processes wait for each other: one sends a number and waits, the other receives it and
// releases the first.
class Rendezvous {
 public:
  Rendezvous() { EXPECT_EQ(pipe(there_) + pipe(back_), 0); }
  ~Rendezvous() {
    for (int fd : {there_[0], there_[1], back_[0], back_[1]}) close(fd);
  }
  bool Send(int value) const { return write(there_[1], &value, sizeof(value)) == sizeof(value); }
  int Receive() const {
    int value = -1;
    return read(there_[0], &value, sizeof(value)) == sizeof(value) ? value : -1;
  }
  bool Release() const { return write(back_[1], "x", 1) == 1; }
  bool Wait() const {
    char byte;
    return read(back_[0], &byte, 1) == 1;
  }

 private:
  int there_[2], back_[2];
};

// Runs as the first process of new namespaces of every kind. It is root there and nobody on the
// host.
int FirstInContainer(const Rendezvous& rendezvous) {
  if (setgid(0) != 0 || setuid(0) != 0) return 11;
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 12;
  if (!rendezvous.Send(0) || !rendezvous.Wait()) return 13;
  if (getpid() != 1 || getuid() != 0) return 14;
  uint16_t port = 0;
  const UniqueFd listener = Listen("127.0.0.1", &port);
  const UniqueFd client = Connect("127.0.0.1", port);
  if (!client.valid()) return 15;
  Child child([] { return Exec({"/bin/true", "inside"}); });
  return child.Wait() == 0 ? 0 : 16;
}

TEST(NamespaceCasesTest, ProcessInNewNamespacesOfEveryKind_IsEmittedAsTheHostSeesIt) {
  Rendezvous outer, inner;
  Child starter([&] {
    constexpr int kAll = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS;
    if (!EnterNewNetworkNamespace() || unshare(kAll) != 0) return 1;
    if (!outer.Send(0) || !outer.Wait()) return 2;
    const pid_t pid = fork();
    if (pid == 0) _exit(FirstInContainer(inner));
    int status = 0;
    if (!outer.Send(pid) || waitpid(pid, &status, 0) != pid) return 3;
    return WEXITSTATUS(status);
  });
  ASSERT_EQ(outer.Receive(), 0) << "the starter cannot make namespaces";
  const std::string own = absl::StrCat("/proc/", starter.pid(), "/");
  ASSERT_TRUE(WriteWholeFile(own + "uid_map", absl::StrCat("0 ", kNobody, " 1")));
  ASSERT_TRUE(WriteWholeFile(own + "gid_map", absl::StrCat("0 ", kNobody, " 1")));
  const model::Namespaces expected_of_starter = {.network = NamespaceOf(starter.pid(), "net")};
  Recorder recorder({.scope_network_namespace = expected_of_starter.network});
  ASSERT_TRUE(outer.Release());
  const pid_t first = outer.Receive();
  ASSERT_GT(first, 0);
  ASSERT_EQ(inner.Receive(), 0);
  const model::Namespaces expected = {.pid = NamespaceOf(first, "pid"),
                                      .mount = NamespaceOf(first, "mnt"),
                                      .network = NamespaceOf(first, "net"),
                                      .user = NamespaceOf(first, "user")};
  EXPECT_NE(expected.pid, NamespaceOf(getpid(), "pid"));
  EXPECT_NE(expected.user, NamespaceOf(getpid(), "user"));
  ASSERT_TRUE(inner.Release());
  EXPECT_EQ(starter.Wait(), 0);

  const Event* fork = recorder.WaitForBody<Fork>("fork", [&](const Event&, const Fork& body) {
    return body.child.tgid == static_cast<uint32_t>(first);
  });
  ASSERT_NE(fork, nullptr);
  const model::ProcessKey key = std::get<Fork>(fork->body).child;
  // The parent stays in its own pid namespace.
  EXPECT_EQ(fork->header.namespaces.pid, NamespaceOf(getpid(), "pid"));
  const Event* connect = recorder.WaitForBody<Tcp>(
      "connect", [](const Event&, const Tcp& tcp) { return tcp.phase == TcpPhase::kConnect; });
  ASSERT_NE(connect, nullptr);
  EXPECT_EQ(std::get<Tcp>(connect->body).network_namespace, expected.network);
  const Event* exec = recorder.WaitForBody<ExecEvent>("exec", [](const Event&, const auto& body) {
    return body.image.arguments.size() == 2 && body.image.arguments[1] == "inside";
  });
  ASSERT_NE(exec, nullptr);
  EXPECT_EQ(exec->header.parent, key);
  EXPECT_FALSE(std::get<ExecEvent>(exec->body).set_id);
  for (const Event* event : {connect, exec}) {
    EXPECT_TRUE(event->header.namespaces == expected);
    EXPECT_EQ(event->header.credentials.uid, kNobody);
    EXPECT_EQ(event->header.credentials.euid, kNobody);
    EXPECT_EQ(event->header.credentials.gid, kNobody);
  }
  EXPECT_EQ(connect->header.process, key);
}

// A small pid namespace reuses its pids; the process keys, which are the host's, differ each time.
TEST(NamespaceCasesTest, PidReusedInAPidNamespace_IsAnotherProcessEachTime) {
  constexpr int kTimes = 5;
  Recorder recorder;
  Child starter([] {
    if (unshare(CLONE_NEWPID) != 0) return 1;
    const pid_t init = fork();
    if (init == 0) {
      for (int i = 0; i < kTimes; ++i) {
        if (!WriteWholeFile("/proc/sys/kernel/ns_last_pid", "99")) _exit(2);
        const pid_t pid = fork();
        if (pid == 0) _exit(getpid() == 100 ? Exec({"/bin/true", "pid-100"}) : 3);
        int status = 0;
        if (waitpid(pid, &status, 0) != 100 || status != 0) _exit(4);
      }
      _exit(0);
    }
    int status = 0;
    return waitpid(init, &status, 0) == init ? WEXITSTATUS(status) : 5;
  });
  EXPECT_EQ(starter.Wait(), 0);
  recorder.Settle();
  std::set<model::ProcessKey> started, ended;
  for (const auto& [event, exec] : recorder.All<ExecEvent>()) {
    if (exec->image.arguments == std::vector<std::string>{"/bin/true", "pid-100"}) {
      started.insert(event->header.process);
    }
  }
  for (const auto& [event, exit] : recorder.All<Exit>()) ended.insert(event->header.process);
  EXPECT_EQ(started.size(), size_t{kTimes});
  for (const model::ProcessKey& key : started) EXPECT_EQ(ended.count(key), 1u);
}

}  // namespace
}  // namespace hoptrail::kernel_test
