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

using ::testing::Contains;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::Not;

// A process that has done something and waits, until the object goes. Told, it does something more.
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
    did_ = Answer();
  }
  ~Process() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    for (const int fd : {in_[0], in_[1], out_[0], out_[1]}) close(fd);
  }
  bool did() const { return did_; }
  bool Tell() const { return write(in_[1], "x", 1) == 1 && Answer(); }
  RootName root() const { return NameRoot(absl::StrCat("/proc/", pid_)); }

 private:
  bool Answer() const {
    char answer = 0;
    return read(out_[0], &answer, 1) == 1 && answer == 'y';
  }

  pid_t pid_ = 0;
  int in_[2], out_[2];
  bool did_ = false;
};

bool Nothing() { return true; }
// Who is not root may do what follows in a user namespace of its own; we still see into it.
bool BeRoot() { return unshare(CLONE_NEWUSER) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0; }
bool OwnMounts() { return unshare(CLONE_NEWNS) == 0 || (BeRoot() && unshare(CLONE_NEWNS) == 0); }
bool OtherRoot() { return chroot("/tmp") == 0 || (BeRoot() && chroot("/tmp") == 0); }

TEST(MountRootsTest, OurOwnIsFirst) {
  MountRoots views;
  views.Look();
  EXPECT_EQ(views.views().at(0).root, "");
  EXPECT_EQ(views.views().at(0).name, NameRoot("/proc/self"));
  EXPECT_TRUE(views.Has(NameRoot("/proc/self")));
}

TEST(MountRootsTest, FindsMountNamespacesAndRoots) {
  MountRoots views;
  views.Look();
  const Process mounts(OwnMounts), root(OtherRoot);
  ASSERT_TRUE(mounts.did() && root.did());
  views.Look();
  for (const Process* process : {&mounts, &root}) {
    EXPECT_TRUE(views.Has(process->root()));
    EXPECT_THAT(views.views(), Contains(Field(&MountRoots::View::name, process->root())));
  }
}

TEST(MountRootsTest, AViewGoesWithItsLastProcess) {
  MountRoots views;
  auto first = std::make_unique<Process>(OtherRoot);
  auto second = std::make_unique<Process>(OtherRoot);
  const RootName root = first->root();
  ASSERT_EQ(second->root(), root);
  views.Look();
  // Old by now, so that they are not looked at each time.
  for (size_t i = 0; i < ProcessWalk::kYoungRounds; ++i) views.Look();
  first.reset();
  views.Look();
  EXPECT_TRUE(views.Has(root));
  for (const MountRoots::View& view : views.views()) EXPECT_EQ(NameRoot(view.process), view.name);
  second.reset();
  views.Look();
  EXPECT_FALSE(views.Has(root));
  EXPECT_THAT(views.views(), Not(Contains(Field(&MountRoots::View::name, root))));
}

TEST(MountRootsTest, AnOldProcessThatChangesItsNamespaceIsFoundInItsTurn) {
  MountRoots views;
  const Process process(Nothing, OwnMounts);
  views.Look();
  for (size_t i = 0; i < ProcessWalk::kYoungRounds; ++i) views.Look();
  ASSERT_TRUE(process.Tell());
  size_t rounds = 0;
  while (!views.Has(process.root()) && rounds < 2 * ProcessWalk::kTurnRounds) {
    views.Look();
    ++rounds;
  }
  EXPECT_LE(rounds, ProcessWalk::kTurnRounds + 1);
}

}  // namespace
}  // namespace hoptrail::agent::kernel
