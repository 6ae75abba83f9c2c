#include "agent/kernel/processes/mount_roots.h"

#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <functional>
#include <memory>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <sys/prctl.h>
#include <sys/wait.h>

namespace hoptrail::agent::kernel {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::Field;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::Truly;

// A child process that has run `first`, runs `then` when Continue() is called, and is killed with
// this object.
class Process {
 public:
  explicit Process(const std::function<bool()>& first, const std::function<bool()>& then = {}) {
    EXPECT_EQ(pipe(in_), 0);
    EXPECT_EQ(pipe(out_), 0);
    pid_ = fork();
    if (pid_ == 0) {
      for (const auto& step : {first, then}) {
        const char answer = step && step() ? 'y' : 'n';
        char byte;
        if (write(out_[1], &answer, 1) != 1 || read(in_[0], &byte, 1) != 1) break;
      }
      _exit(0);
    }
    did_first_ = Answer();
  }
  ~Process() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    for (const int fd : {in_[0], in_[1], out_[0], out_[1]}) close(fd);
  }
  bool did_first() const { return did_first_; }
  bool Continue() const { return write(in_[1], "x", 1) == 1 && Answer(); }
  RootKey root() const { return RootKeyOf(absl::StrCat("/proc/", pid_)); }

 private:
  bool Answer() const {
    char answer = 0;
    return read(out_[0], &answer, 1) == 1 && answer == 'y';
  }

  pid_t pid_ = 0;
  int in_[2], out_[2];
  bool did_first_ = false;
};

bool Nothing() { return true; }
// Without root the next two work in a user namespace of the child's own, which we can still see
// into.
bool BeRoot() { return unshare(CLONE_NEWUSER) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0; }
bool OwnMounts() { return unshare(CLONE_NEWNS) == 0 || (BeRoot() && unshare(CLONE_NEWNS) == 0); }
bool OtherRoot() { return chroot("/tmp") == 0 || (BeRoot() && chroot("/tmp") == 0); }

TEST(MountRootsTest, FirstUpdate_ListsOurOwnRootFirst) {
  MountRoots roots;
  roots.Update();
  EXPECT_EQ(roots.roots().at(0).path, "");
  EXPECT_EQ(roots.roots().at(0).key, RootKeyOf("/proc/self"));
  EXPECT_TRUE(roots.Has(RootKeyOf("/proc/self")));
}

TEST(MountRootsTest, ProcessInAnotherNamespaceOrChroot_AddsItsRoot) {
  MountRoots roots;
  roots.Update();
  const Process mounts(OwnMounts), root(OtherRoot);
  ASSERT_TRUE(mounts.did_first() && root.did_first());
  roots.Update();
  for (const Process* process : {&mounts, &root}) {
    EXPECT_TRUE(roots.Has(process->root()));
    EXPECT_THAT(roots.roots(), Contains(Field(&MountRoots::Root::key, process->root())));
  }
}

TEST(MountRootsTest, LastProcessEnds_RemovesItsRoot) {
  MountRoots roots;
  auto first = std::make_unique<Process>(OtherRoot);
  auto second = std::make_unique<Process>(OtherRoot);
  const RootKey root = first->root();
  ASSERT_EQ(second->root(), root);
  roots.Update();
  // The processes are old by now and no longer examined with every update.
  for (size_t i = 0; i < ProcessWalk::kYoungRounds; ++i) roots.Update();
  first.reset();
  roots.Update();
  EXPECT_TRUE(roots.Has(root));
  EXPECT_THAT(roots.roots(), AllOf(SizeIs(Ge(2u)), Each(Truly([](const MountRoots::Root& one) {
                                     return RootKeyOf(one.process) == one.key;
                                   }))));
  second.reset();
  roots.Update();
  EXPECT_FALSE(roots.Has(root));
  EXPECT_THAT(roots.roots(), Not(Contains(Field(&MountRoots::Root::key, root))));
}

TEST(MountRootsTest, OldProcessChangesItsNamespace_IsFoundWithinTheTurnRounds) {
  MountRoots roots;
  const Process process(Nothing, OwnMounts);
  roots.Update();
  for (size_t i = 0; i < ProcessWalk::kYoungRounds; ++i) roots.Update();
  ASSERT_TRUE(process.Continue());
  size_t rounds = 0;
  while (!roots.Has(process.root()) && rounds < 2 * ProcessWalk::kTurnRounds) {
    roots.Update();
    ++rounds;
  }
  EXPECT_LE(rounds, ProcessWalk::kTurnRounds + 1);
}

}  // namespace
}  // namespace hoptrail::agent::kernel
