// The hook plan on the running kernel, and accept by each hook that it lets us have.

#include <unistd.h>

#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "agent/kernel/plan/force_tiers.h"
#include "tests/kernel/harness.h"
#include <sys/socket.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::Accept;
using agent::kernel::SyscallHooks;
using ::testing::Contains;
using ::testing::Not;

std::map<std::string, model::FactCoverage> CoverageOf(Recorder* recorder) {
  std::map<std::string, model::FactCoverage> rows;
  if (recorder->sensor() == nullptr) return rows;
  for (const model::FactCoverage& row : recorder->sensor()->Coverage()) rows[row.fact] = row;
  return rows;
}

TEST(CoverageTest, TellsTheHookOfEveryFact) {
  Recorder recorder;
  const auto rows = CoverageOf(&recorder);
  for (const char* fact :
       {"fork", "exec", "exit", "tcp", "accept", "socket handover", "running processes",
        "open sockets", "pam", "sshd", "unix connect", "sends", "file", "credentials", "namespaces",
        "signals to the sensor", "tracing of the sensor", "bpf on the sensor"}) {
    ASSERT_EQ(rows.count(fact), 1u) << fact;
    EXPECT_GE(rows.at(fact).tier, 1u) << fact << " is blind on this kernel";
    EXPECT_NE(rows.at(fact).hook, "") << fact;
  }
}

TEST(CoverageTest, TellsWhyABetterHookOfAcceptIsNotUsed) {
  Recorder recorder;
  const model::FactCoverage accept = CoverageOf(&recorder)["accept"];
  ASSERT_GE(accept.tier, 1u);
  std::vector<std::string> refused;
  for (const std::string& refusal : accept.refusals) {
    refused.push_back(refusal.substr(0, refusal.find(": ")));
  }
  for (const agent::kernel::FactTiers& fact : agent::kernel::AllTiers()) {
    if (fact.fact != "accept") continue;
    for (uint32_t tier = 1; tier < accept.tier; ++tier) {
      EXPECT_THAT(refused, Contains(fact.hooks[tier - 1]));
    }
  }
  EXPECT_THAT(refused, Not(Contains(accept.hook)));
}

// Whatever the hook, the accepting process is told, once.
void CheckAccept(SyscallHooks syscall_hooks, const std::string& hook) {
  Recorder recorder({.syscall_hooks = syscall_hooks});
  const model::FactCoverage coverage = CoverageOf(&recorder)["accept"];
  if (!hook.empty()) {
    ASSERT_EQ(coverage.hook, hook) << testing::PrintToString(coverage.refusals);
  }
  TcpPair pair = ConnectedPair("127.0.0.1");
  ASSERT_TRUE(WriteAll(pair.server.get(), 1) && ReadAll(pair.client.get(), 1));
  ASSERT_TRUE(WriteAll(pair.client.get(), 1) && ReadAll(pair.server.get(), 1));
  recorder.Settle();
  const auto accepts = recorder.All<Accept>();
  ASSERT_EQ(accepts.size(), 1u);
  EXPECT_TRUE(IsProcess(accepts[0].first->header.process, getpid()));
  EXPECT_EQ(accepts[0].second->flow.server.port, pair.port);
  EXPECT_FALSE(accepts[0].second->hop_name.empty());
  EXPECT_EQ(accepts[0].second->first_use, coverage.hook == "tp_btf/sock_recv_length");
}

TEST(CoverageTest, AcceptByTheBestHook) { CheckAccept(SyscallHooks::kAuto, ""); }

TEST(CoverageTest, AcceptBySystemCall) {
  Recorder recorder;
  const uint32_t best = CoverageOf(&recorder)["accept"].tier;
  // Where a hook on accept itself loads, the system call is never needed.
  const bool free = ForcedTiersOfEnvironment().count("accept") == 0;
  CheckAccept(SyscallHooks::kAlways, best >= 3 && free ? "tp/syscalls/sys_exit_accept" : "");
}

TEST(CoverageTest, SystemCallHooksCanBeSwitchedOff) {
  Recorder recorder({.syscall_hooks = SyscallHooks::kNever});
  EXPECT_NE(CoverageOf(&recorder)["accept"].hook, "tp/syscalls/sys_exit_accept");
}

}  // namespace
}  // namespace hoptrail::kernel_test
