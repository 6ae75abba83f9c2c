// Records of namespace changes, against what a small program did.

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "gtest/gtest.h"

#include "tests/kernel/harness.h"
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::Change;
using agent::decode::NamespacesChange;
using agent::decode::NamespaceSet;

// A namespace of the calling process, by its name in /proc/self/ns.
uint32_t Own(const std::string& kind) {
  struct stat file = {};
  return stat(("/proc/self/ns/" + kind).c_str(), &file) == 0 ? static_cast<uint32_t>(file.st_ino)
                                                             : 0;
}

NamespaceSet OwnSet() {
  return {.children_pid = Own("pid_for_children"),
          .mount = Own("mnt"),
          .network = Own("net"),
          .user = Own("user"),
          .uts = Own("uts"),
          .ipc = Own("ipc"),
          .cgroup = Own("cgroup")};
}

std::vector<NamespacesChange> ChangesOf(const Recorder& recorder, pid_t pid) {
  std::vector<NamespacesChange> found;
  for (const auto& [event, change] : recorder.All<NamespacesChange>()) {
    if (event->header.process.tgid == static_cast<uint32_t>(pid)) found.push_back(*change);
  }
  return found;
}

Change Expected(Recorder* recorder) {
  for (const model::SourceCoverage& row : recorder->sensor()->Coverage()) {
    if (row.source != "namespaces") continue;
    return row.hook.find("switch_task") == std::string::npos ? Change::kCompared : Change::kMade;
  }
  return Change::kUnknown;
}

TEST(NamespacesTest, Unshare_EmitsTheChange) {
  Recorder recorder;
  ASSERT_NE(recorder.sensor(), nullptr);
  const NamespaceSet here = OwnSet();
  int pipe_fds[2];
  ASSERT_EQ(pipe(pipe_fds), 0);
  Child child([&] {
    if (unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID) != 0) return 1;
    // /proc/self/ns/pid_for_children is empty until there is a child.
    NamespaceSet there = OwnSet();
    if (write(pipe_fds[1], &there, sizeof(there)) != sizeof(there)) return 2;
    return 0;
  });
  const pid_t pid = child.pid();
  EXPECT_EQ(child.Wait(), 0);
  NamespaceSet there;
  ASSERT_EQ(read(pipe_fds[0], &there, sizeof(there)), ssize_t{sizeof(there)});
  recorder.Settle();
  const auto changes = ChangesOf(recorder, pid);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].change, Expected(&recorder));
  EXPECT_EQ(changes[0].before, here);
  EXPECT_NE(changes[0].after.children_pid, here.children_pid);
  EXPECT_NE(changes[0].after.children_pid, 0u);
  there.children_pid = changes[0].after.children_pid;
  EXPECT_EQ(changes[0].after, there);
  close(pipe_fds[0]);
  close(pipe_fds[1]);
}

TEST(NamespacesTest, Setns_EmitsTheChange) {
  Recorder recorder;
  ASSERT_NE(recorder.sensor(), nullptr);
  int ready[2], done[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(done), 0);
  Child container([&] {
    char byte = 0;
    if (unshare(CLONE_NEWNS | CLONE_NEWUTS) != 0) return 1;
    const NamespaceSet there = OwnSet();
    if (write(ready[1], &there, sizeof(there)) != sizeof(there)) return 2;
    return read(done[0], &byte, 1) == 1 ? 0 : 3;
  });
  NamespaceSet there;
  ASSERT_EQ(read(ready[0], &there, sizeof(there)), ssize_t{sizeof(there)});
  Child visitor([&] {
    const std::string directory = "/proc/" + std::to_string(container.pid()) + "/ns/";
    const int uts = open((directory + "uts").c_str(), O_RDONLY | O_CLOEXEC);
    const int mnt = open((directory + "mnt").c_str(), O_RDONLY | O_CLOEXEC);
    if (setns(uts, CLONE_NEWUTS) != 0 || setns(mnt, CLONE_NEWNS) != 0) return 1;
    return Exec({"/bin/true"});
  });
  const pid_t pid = visitor.pid();
  EXPECT_EQ(visitor.Wait(), 0);
  ASSERT_EQ(write(done[1], "x", 1), 1);
  container.Wait();
  recorder.Settle();
  const auto changes = ChangesOf(recorder, pid);
  const bool made = Expected(&recorder) == Change::kMade;
  ASSERT_EQ(changes.size(), made ? 2u : 1u);
  EXPECT_EQ(changes.front().change, Expected(&recorder));
  EXPECT_EQ(changes.front().before, OwnSet());
  EXPECT_EQ(changes.back().after.mount, there.mount);
  EXPECT_EQ(changes.back().after.uts, there.uts);
  for (int fd : {ready[0], ready[1], done[0], done[1]}) close(fd);
}

// A new user namespace changes the credentials, too: two hooks see the same process.
TEST(NamespacesTest, NewUserNamespace_EmitsOneChange) {
  Recorder recorder;
  ASSERT_NE(recorder.sensor(), nullptr);
  Child child([] { return unshare(CLONE_NEWUSER) == 0 ? Exec({"/bin/true"}) : 1; });
  const pid_t pid = child.pid();
  EXPECT_EQ(child.Wait(), 0);
  recorder.Settle();
  const auto changes = ChangesOf(recorder, pid);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].before.user, Own("user"));
  EXPECT_NE(changes[0].after.user, Own("user"));
  EXPECT_EQ(changes[0].after.mount, Own("mnt"));
}

TEST(NamespacesTest, CloneIntoNewNamespaces_EmitsTheChangeOnEveryKernel) {
  Recorder recorder;
  ASSERT_NE(recorder.sensor(), nullptr);
  struct Arguments {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
  } arguments = {};
  arguments.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWCGROUP;
  arguments.exit_signal = SIGCHLD;
  const long pid = syscall(SYS_clone3, &arguments, sizeof(arguments));
  if (pid == 0) _exit(0);
  ASSERT_GT(pid, 0);
  int status = -1;
  ASSERT_EQ(waitpid(static_cast<pid_t>(pid), &status, 0), pid);
  recorder.Settle();
  const auto changes = ChangesOf(recorder, static_cast<pid_t>(pid));
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].change, Change::kClone);
  EXPECT_EQ(changes[0].before, OwnSet());
  EXPECT_NE(changes[0].after.mount, Own("mnt"));
  EXPECT_NE(changes[0].after.children_pid, Own("pid_for_children"));
  EXPECT_NE(changes[0].after.cgroup, Own("cgroup"));
  EXPECT_EQ(changes[0].after.network, Own("net"));
}

TEST(NamespacesTest, UnchangedNamespaces_EmitNothing) {
  Recorder recorder;
  ASSERT_NE(recorder.sensor(), nullptr);
  for (int i = 0; i < 10; ++i) Child([] { return Exec({"/bin/true"}); }).Wait();
  recorder.Settle();
  EXPECT_EQ(recorder.All<NamespacesChange>().size(), 0u);
}

}  // namespace
}  // namespace hoptrail::kernel_test
