#include "agent/kernel/processes/process_walk.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "agent/kernel/processes/process_list.h"
#include <sys/wait.h>

namespace hoptrail::agent::kernel {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// A child process that does nothing and is killed with this object.
class Sleeper {
 public:
  Sleeper() : pid_(fork()) {
    if (pid_ == 0) _exit(pause());
  }
  ~Sleeper() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  uint32_t pid() const { return static_cast<uint32_t>(pid_); }

 private:
  pid_t pid_;
};

TEST(ProcessListTest, RangeOfPids_ListsItsProcessesInOrder) {
  const ProcessList list;
  const Sleeper sleeper;
  const auto own = static_cast<uint32_t>(getpid());
  EXPECT_THAT(list.Between(own, own), ElementsAre(own));
  EXPECT_THAT(list.Between(own, UINT32_MAX, 1), ElementsAre(own));
  EXPECT_THAT(list.Between(sleeper.pid() + 1, sleeper.pid()), IsEmpty());
  const std::vector<uint32_t> all = list.Between(1, UINT32_MAX);
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  EXPECT_THAT(all, AllOf(Contains(own), Contains(sleeper.pid())));
  EXPECT_THAT(list.Between(2, UINT32_MAX), Not(Contains(1u)));
  EXPECT_GE(list.Count() + 8, all.size()) << "apart from processes that started meanwhile";
}

TEST(ProcessListTest, NewProcess_ChangesTheNewestPid) {
  const ProcessList list;
  const auto before = list.Newest();
  const Sleeper sleeper;
  const auto after = list.Newest();
  ASSERT_TRUE(before.has_value());
  ASSERT_TRUE(after.has_value());
  EXPECT_NE(before, after);
}

TEST(ProcessWalkTest, FirstRound_ReturnsAllProcesses) {
  const Sleeper sleeper;
  ProcessWalk walk;
  EXPECT_THAT(walk.Next(), AllOf(Contains(static_cast<uint32_t>(getpid())), Contains(sleeper.pid()),
                                 Contains(1u)));
}

TEST(ProcessWalkTest, YoungProcess_IsReturnedInEachOfItsRounds) {
  ProcessWalk walk;
  walk.Next();
  const Sleeper sleeper;
  for (size_t i = 0; i < ProcessWalk::kYoungRounds; ++i) {
    EXPECT_THAT(walk.Next(), Contains(sleeper.pid())) << "round " << i;
  }
}

// There are more processes than one round returns.
TEST(ProcessWalkTest, OldProcess_IsReturnedWithinTheTurnRoundsButNotInEach) {
  const std::vector<Sleeper> sleepers(200);
  ProcessWalk walk;
  walk.Next();
  for (size_t i = 0; i < ProcessWalk::kYoungRounds; ++i) walk.Next();
  std::map<uint32_t, size_t> returned;
  for (size_t i = 0; i < ProcessWalk::kTurnRounds; ++i) {
    for (const uint32_t pid : walk.Next()) ++returned[pid];
  }
  for (const Sleeper& sleeper : sleepers) {
    EXPECT_GE(returned[sleeper.pid()], 1u);
    EXPECT_LE(returned[sleeper.pid()], ProcessWalk::kTurnRounds / 4);
  }
}

}  // namespace
}  // namespace hoptrail::agent::kernel
