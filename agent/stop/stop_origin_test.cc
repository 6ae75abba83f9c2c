#include "agent/stop/stop_origin.h"

#include <signal.h>

#include <string>

#include <gtest/gtest.h>

namespace hoptrail::agent {
namespace {

using From = StopSignal::From;
using model::StopCause;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kNow = 1000 * kSecond;

model::SessionId Session(uint8_t number) {
  model::SessionId id;
  id.bytes[0] = number;
  return id;
}

StopOrigin::Sender Sender(uint32_t tgid, uint64_t boot_ns = kNow, uint8_t session = 7) {
  return {.signal = SIGTERM,
          .boot_ns = boot_ns,
          .process = {.tgid = tgid, .start_boot_ns = 5},
          .uid = 1000,
          .command = "bash",
          .session = Session(session)};
}

StopSignal Signal(uint32_t pid, From from = From::kProcess) {
  return {.number = SIGTERM, .from = from, .pid = pid, .uid = 1000};
}

TEST(StopOrigin, SignalSeenByTheKernelSide_NamesTheSession) {
  StopOrigin origin;
  origin.OnSignal(Sender(70));
  const model::Goodbye goodbye = origin.Find(Signal(70), kNow);
  EXPECT_EQ(goodbye.cause, StopCause::kProcess);
  EXPECT_EQ(goodbye.detail, "signal 15 from bash (process 70, uid 1000)");
  EXPECT_EQ(goodbye.session, Session(7));
}

// Whatever pid the sender has in the agent's namespace, and whatever sender it claims.
TEST(StopOrigin, SenderOutsideThePidNamespaceOrForged_IsTakenFromTheKernelEvent) {
  StopOrigin origin;
  origin.OnSignal(Sender(70));
  EXPECT_EQ(origin.Find(Signal(0), kNow).session, Session(7));
  EXPECT_EQ(origin.Find(Signal(0, From::kUnknown), kNow).session, Session(7));
}

TEST(StopOrigin, OtherOrOldSignal_IsNotTheOrigin) {
  StopOrigin origin;
  origin.OnSignal(Sender(70, kNow - 60 * kSecond));
  StopOrigin::Sender other = Sender(71);
  other.signal = SIGHUP;
  origin.OnSignal(other);
  const model::Goodbye goodbye = origin.Find(Signal(72), kNow);
  EXPECT_EQ(goodbye.cause, StopCause::kProcess);
  EXPECT_EQ(goodbye.detail, "signal 15 from process 72 of uid 1000");
  EXPECT_TRUE(goodbye.session.empty());
}

TEST(StopOrigin, TwoSenders_TheMatchingPidWins) {
  StopOrigin origin;
  origin.OnSignal(Sender(70, kNow - 2, 7));
  origin.OnSignal(Sender(71, kNow - 1, 8));
  EXPECT_EQ(origin.Find(Signal(70), kNow).session, Session(7));
  EXPECT_EQ(origin.Find(Signal(71), kNow).session, Session(8));
  EXPECT_EQ(origin.Find(Signal(0), kNow).session, Session(8));
}

TEST(StopOrigin, ParentOrRuntime_IsTheServiceManager) {
  StopOrigin origin;
  EXPECT_EQ(origin.Find(Signal(1), kNow).cause, StopCause::kServiceManager);
  EXPECT_EQ(origin.Find(Signal(0), kNow).cause, StopCause::kServiceManager) << "a container's";
  StopSignal by_parent = Signal(50);
  by_parent.by_parent = true;
  EXPECT_EQ(origin.Find(by_parent, kNow).cause, StopCause::kServiceManager);
  StopOrigin::Sender runtime = Sender(60);
  runtime.manager = true;
  origin.OnSignal(runtime);
  const model::Goodbye goodbye = origin.Find(Signal(60), kNow);
  EXPECT_EQ(goodbye.cause, StopCause::kServiceManager);
  EXPECT_EQ(goodbye.detail, "");
  EXPECT_TRUE(goodbye.session.empty());
}

// A login is no manager, even where it started the agent.
TEST(StopOrigin, SenderSeenByTheKernelSide_OutweighsParentage) {
  StopOrigin origin;
  origin.OnSignal(Sender(50));
  StopSignal by_parent = Signal(50);
  by_parent.by_parent = true;
  EXPECT_EQ(origin.Find(by_parent, kNow).cause, StopCause::kProcess);
}

TEST(StopOrigin, ServiceManagerAfterACommand_NamesTheLogin) {
  StopOrigin origin;
  origin.OnCommand({.boot_ns = kNow - 2 * kSecond,
                    .process = {.tgid = 80, .start_boot_ns = 5},
                    .uid = 0,
                    .line = "systemctl stop hoptrail-agent",
                    .session = Session(9)});
  const model::Goodbye goodbye = origin.Find(Signal(1), kNow);
  EXPECT_EQ(goodbye.cause, StopCause::kServiceManager);
  EXPECT_EQ(goodbye.detail,
            "the service manager, after \"systemctl stop hoptrail-agent\" (process 80, uid 0)");
  EXPECT_EQ(goodbye.session, Session(9));
  EXPECT_TRUE(origin.Find(Signal(1), kNow + 60 * kSecond).session.empty()) << "long past";
}

TEST(StopOrigin, CommandOfAPackageManager_IsItsOwnCause) {
  StopOrigin origin;
  origin.OnCommand({.boot_ns = kNow - 2 * kSecond,
                    .process = {.tgid = 80, .start_boot_ns = 5},
                    .line = "systemctl restart hoptrail-agent",
                    .session = Session(9),
                    .by_login = true,
                    .package_manager = "/usr/bin/dpkg"});
  const model::Goodbye goodbye = origin.Find(Signal(1), kNow);
  EXPECT_EQ(goodbye.cause, StopCause::kPackageManager);
  EXPECT_EQ(goodbye.session, Session(9));
  EXPECT_EQ(
      goodbye.detail,
      "the service manager, after \"systemctl restart hoptrail-agent\" (process 80, uid 0) of "
      "/usr/bin/dpkg");
}

TEST(StopOrigin, CommandsOfSeveral_NothingHidesBehindAnUpgrade) {
  StopOrigin origin;
  origin.OnCommand({.boot_ns = kNow - 5 * kSecond, .session = Session(1), .by_login = true});
  origin.OnCommand({.boot_ns = kNow - 4 * kSecond, .session = Session(2)});
  EXPECT_EQ(origin.Find(Signal(1), kNow).session, Session(1)) << "a login before a service";
  origin.OnCommand({.boot_ns = kNow - 3 * kSecond,
                    .session = Session(3),
                    .by_login = true,
                    .package_manager = "/usr/bin/dpkg"});
  EXPECT_EQ(origin.Find(Signal(1), kNow).session, Session(1));
  EXPECT_EQ(origin.Find(Signal(1), kNow).cause, StopCause::kServiceManager);
  origin.OnCommand({.boot_ns = kNow - 2 * kSecond, .session = Session(4), .by_login = true});
  EXPECT_EQ(origin.Find(Signal(1), kNow).session, Session(4)) << "the latest of equals";
}

TEST(StopOrigin, TerminalOrForgedSender_IsAProcess) {
  const StopOrigin origin;
  EXPECT_EQ(origin.Find(Signal(0, From::kKernel), kNow).cause, StopCause::kProcess);
  EXPECT_EQ(origin.Find(Signal(1, From::kUnknown), kNow).cause, StopCause::kProcess);
}

TEST(StopOrigin, FloodOfSignals_IsBounded) {
  StopOrigin origin;
  for (uint32_t i = 0; i < 100'000; ++i) {
    origin.OnSignal(Sender(i));
    origin.OnCommand({.boot_ns = kNow, .line = std::string(4096, 'x'), .session = Session(1)});
  }
  EXPECT_LT(origin.Find(Signal(1), kNow).detail.size(), 1024u);
  EXPECT_EQ(origin.Find(Signal(5), kNow).session, Session(7));
}

}  // namespace
}  // namespace hoptrail::agent
