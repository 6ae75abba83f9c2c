// The session tag, which the kernel side carries from fork to fork.

#include <fcntl.h>
#include <unistd.h>

#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include <sys/socket.h>
#include <sys/wait.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::Fork;
using ExecEvent = agent::decode::Exec;

// The record of the fork that made `pid`.
const Fork* WaitForFork(Recorder* recorder, pid_t pid) {
  const Event* event = recorder->WaitForBody<Fork>("fork", [&](const Event&, const Fork& fork) {
    return fork.child.tgid == static_cast<uint32_t>(pid);
  });
  return event == nullptr ? nullptr : &std::get<Fork>(event->body);
}

// Starts a program as a daemon: in a grandchild whose parent has ended, and after setsid.
int Daemonize() {
  if (fork() != 0) _exit(0);
  setsid();
  if (fork() != 0) _exit(0);
  return Exec({"/bin/true", "daemon"});
}

const Event* WaitForDaemon(Recorder* recorder) {
  return recorder->WaitForBody<ExecEvent>("the daemon", [](const Event&, const ExecEvent& exec) {
    return exec.image.arguments.size() == 2 && exec.image.arguments[1] == "daemon";
  });
}

TEST(SessionTagTest, ChildrenOfAListener_GetTagsThatDaemonsKeep) {
  Recorder recorder;
  pid_t opened[2] = {};
  int pids[2];
  ASSERT_EQ(pipe(pids), 0);
  Child listener([&] {
    uint16_t port = 0;
    const UniqueFd socket = Listen("127.0.0.1", &port);
    for (int i = 0; i < 2; ++i) {
      const pid_t pid = fork();
      if (pid == 0) return i == 0 ? Daemonize() : 0;
      if (write(pids[1], &pid, sizeof(pid)) != sizeof(pid)) return 1;
      waitpid(pid, nullptr, 0);
    }
    return 0;
  });
  for (pid_t& pid : opened) ASSERT_EQ(read(pids[0], &pid, sizeof(pid)), ssize_t{sizeof(pid)});

  const Fork* first = WaitForFork(&recorder, opened[0]);
  ASSERT_NE(first, nullptr);
  const model::ProcessKey tag = first->child;
  EXPECT_EQ(first->child_tag, tag);
  const Event* daemon = WaitForDaemon(&recorder);
  ASSERT_NE(daemon, nullptr);
  EXPECT_EQ(daemon->header.tag, tag);
  EXPECT_NE(daemon->header.process, tag);

  const Fork* second = WaitForFork(&recorder, opened[1]);
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(second->child_tag, second->child);
  close(pids[0]);
  close(pids[1]);
}

TEST(SessionTagTest, ChildOfANonListener_HasNoTag) {
  Recorder recorder;
  Child child([] { return 0; });
  const Fork* fork = WaitForFork(&recorder, child.pid());
  ASSERT_NE(fork, nullptr);
  EXPECT_TRUE(fork->child_tag.empty());
}

// A process of a session listens itself. If it listens on loopback (a forwarding), its children
// keep the session's tag; otherwise (a server of its own) they get new ones.
void CheckInnerListener(const char* address, bool stays) {
  Recorder recorder;
  Child outer([&] {
    uint16_t port = 0;
    const UniqueFd socket = Listen("127.0.0.1", &port);
    Child session([&] {
      const UniqueFd inner_socket = Listen(address, &port);
      Child inner([] { return Exec({"/bin/true", "daemon"}); });
      return inner.Wait();
    });
    return session.Wait();
  });
  const Event* inner = WaitForDaemon(&recorder);
  ASSERT_NE(inner, nullptr);
  EXPECT_FALSE(inner->header.tag.empty());
  EXPECT_EQ(inner->header.tag == inner->header.parent, stays);
  EXPECT_EQ(inner->header.tag == inner->header.process, !stays);
}

TEST(SessionTagTest, LoopbackListenerInASession_ChildrenKeepTheTag) {
  CheckInnerListener("127.0.0.1", true);
}

TEST(SessionTagTest, ServerInASession_ChildrenGetNewTags) { CheckInnerListener("0.0.0.0", false); }

TEST(SessionTagTest, ProgramWithAnInheritedListeningSocket_ChildrenGetTags) {
  Recorder recorder;
  uint16_t port = 0;
  Child activator([&] {
    UniqueFd socket = Listen("127.0.0.1", &port);
    Child service([&] {
      dup2(socket.get(), 5);
      socket.reset();
      return Exec({"/bin/sh", "-c", "/bin/true daemon; exit 0"});
    });
    return service.Wait();
  });
  const Event* daemon = WaitForDaemon(&recorder);
  ASSERT_NE(daemon, nullptr);
  EXPECT_EQ(daemon->header.tag, daemon->header.process);
}

TEST(SessionTagFreshSensorTest, ListenerOlderThanTheSensor_ChildrenGetTagsAfterTheSnapshot) {
  int go[2];
  ASSERT_EQ(pipe(go), 0);
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  Child listener([&] {
    uint16_t port = 0;
    const UniqueFd socket = Listen("127.0.0.1", &port);
    char byte = 0;
    if (write(ready[1], &byte, 1) != 1 || read(go[0], &byte, 1) != 1) return 1;
    Child child([] { return Exec({"/bin/true", "daemon"}); });
    return child.Wait();
  });
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  Recorder recorder({}, SensorAge::kFresh);
  recorder.Snapshot();
  ASSERT_EQ(write(go[1], &byte, 1), 1);
  const Event* daemon = WaitForDaemon(&recorder);
  ASSERT_NE(daemon, nullptr);
  EXPECT_EQ(daemon->header.tag, daemon->header.process);
  for (int fd : {go[0], go[1], ready[0], ready[1]}) close(fd);
}

}  // namespace
}  // namespace hoptrail::kernel_test
