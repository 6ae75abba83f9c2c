#include "core/base/steady_time.h"

#include <stddef.h>
#include <unistd.h>

#include <functional>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include <gtest/gtest.h>

#include "core/base/bounded_queue.h"
#include "core/base/mutex.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace hoptrail {
namespace {

TEST(SteadyTime, SumsAndDifferences_KeepInfinity) {
  const SteadyTime now = SteadyTime::Now();
  EXPECT_EQ(now + absl::Seconds(3) - now, absl::Seconds(3));
  EXPECT_LT(now, now + absl::Nanoseconds(1));
  EXPECT_LE(now, SteadyTime::Now());
  EXPECT_LT(SteadyTime::InfinitePast(), now);
  EXPECT_GT(SteadyTime::InfiniteFuture(), now + absl::Hours(1'000'000));
  EXPECT_EQ(SteadyTime::InfiniteFuture() - now, absl::InfiniteDuration());
  EXPECT_EQ(SteadyTime::InfinitePast() + absl::Hours(1), SteadyTime::InfinitePast());
  EXPECT_EQ(SteadyTime(), SteadyTime::InfinitePast());
}

// Kills the process with SIGSYS when it waits for a moment of the wall clock.
bool ForbidWallClockWaits() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[1])),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, FUTEX_CLOCK_REALTIME, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program = {.len = sizeof(filter) / sizeof(*filter), .filter = filter};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// The wait status of a child that runs `act` under that filter: 0 where `act` returned true.
int WithoutWallClock(const std::function<bool()>& act) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(ForbidWallClockWaits() && act() ? 0 : 1);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

constexpr absl::Duration kWait = absl::Milliseconds(20);

bool Lasts(const std::function<bool()>& wait) {
  const SteadyTime began = SteadyTime::Now();
  return wait() && SteadyTime::Now() - began >= kWait;
}

TEST(SteadyWaits, MutexTimeout_UsesTheSteadyClock) {
  EXPECT_EQ(WithoutWallClock([] {
              return Lasts([] {
                Mutex mutex;
                const bool never = false;
                MutexLock lock(&mutex);
                return !mutex.AwaitWithTimeout(absl::Condition(&never), kWait);
              });
            }),
            0);
}

TEST(SteadyWaits, QueueAndNotificationTimeouts_UseTheSteadyClock) {
  EXPECT_EQ(WithoutWallClock([] {
              return Lasts([] {
                BoundedQueue<int> queue(1);
                std::vector<int> items;
                return queue.PopAll(kWait, &items) && items.empty();
              });
            }),
            0);
  EXPECT_EQ(WithoutWallClock([] {
              return Lasts([] { return !Notification().WaitForNotificationWithTimeout(kWait); });
            }),
            0);
}

// gRPC's timers wait like this.
TEST(SteadyWaits, AbseilCondVar_UsesTheSteadyClock) {
  EXPECT_EQ(WithoutWallClock([] {
              return Lasts([] {
                absl::Mutex mutex;
                absl::CondVar condition;
                absl::MutexLock lock(&mutex);
                return condition.WaitWithDeadline(&mutex, absl::Now() + kWait);
              });
            }),
            0);
}

TEST(SteadyWaits, DeadlineInThePast_ReturnsAtOnce) {
  absl::Mutex mutex;
  absl::CondVar condition;
  absl::MutexLock lock(&mutex);
  EXPECT_TRUE(condition.WaitWithTimeout(&mutex, -absl::Hours(1)));
  EXPECT_TRUE(condition.WaitWithDeadline(&mutex, absl::InfinitePast()));
}

TEST(SteadyWaits, Wakeup_EndsALongWait) {
  BoundedQueue<int> there(1), back(1);
  std::thread other([&] {
    std::vector<int> items;
    for (int i = 0; i < 1000 && there.PopAll(absl::Hours(1), &items); ++i) back.Push(std::move(i));
  });
  std::vector<int> items;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(there.Push(std::move(i)));
    ASSERT_TRUE(back.PopAll(absl::Hours(1), &items));
  }
  other.join();
  EXPECT_EQ(items.size(), 1000u);
}

}  // namespace
}  // namespace hoptrail
