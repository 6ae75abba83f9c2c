// The hook plan on the running kernel, and accept by its best hook and by the system call's.

#include <unistd.h>

#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "agent/kernel/plan/force_tiers.h"
#include "tests/kernel/harness.h"
#include <sys/socket.h>

namespace hoptrail::kernel_test {
namespace {

using agent::decode::Accept;
using agent::kernel::SensorOptions;
using agent::kernel::SyscallHooks;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::IsSupersetOf;
using ::testing::Not;

std::map<std::string, model::SourceCoverage> CoverageOf(Recorder* recorder) {
  std::map<std::string, model::SourceCoverage> rows;
  if (recorder->sensor() == nullptr) return rows;
  for (const model::SourceCoverage& row : recorder->sensor()->Coverage()) rows[row.source] = row;
  return rows;
}

TEST(CoverageTest, EveryEventSource_ReportsItsHook) {
  Recorder recorder;
  const auto rows = CoverageOf(&recorder);
  for (const char* source :
       {"fork", "exec", "exit", "tcp", "accept", "socket handover", "running processes",
        "open sockets", "pam", "sshd", "unix connect", "datagram flows", "file", "credentials",
        "namespaces", "signals to the sensor", "tracing of the sensor", "tracing",
        "bpf on the sensor"}) {
    ASSERT_EQ(rows.count(source), 1u) << source;
    EXPECT_GE(rows.at(source).tier, 1u) << source << " is blind on this kernel";
    EXPECT_NE(rows.at(source).hook, "") << source;
  }
}

// The hooks of accept, best first. The last is the system call's.
std::vector<std::string> AcceptHooks() {
  for (const agent::kernel::SourceTiers& source : agent::kernel::AllTiers()) {
    if (source.source == "accept") return source.hooks;
  }
  ADD_FAILURE() << "no event source accept";
  return {};
}

SensorOptions OnlyBySystemCall(SyscallHooks syscall_hooks) {
  const auto last = static_cast<uint32_t>(AcceptHooks().size());
  return {.syscall_hooks = syscall_hooks, .force_tiers = {{"accept", last}}};
}

std::vector<std::string> RefusedHooks(const model::SourceCoverage& coverage) {
  std::vector<std::string> refused;
  for (const std::string& refusal : coverage.refusals) {
    refused.push_back(refusal.substr(0, refusal.find(": ")));
  }
  return refused;
}

TEST(CoverageTest, BetterAcceptHookThatIsNotUsed_IsReportedAsRefused) {
  Recorder recorder;
  const model::SourceCoverage accept = CoverageOf(&recorder)["accept"];
  std::vector<std::string> better = AcceptHooks();
  ASSERT_GE(accept.tier, 1u);
  ASSERT_LE(accept.tier, better.size());
  EXPECT_EQ(accept.hook, better[accept.tier - 1]);
  better.resize(accept.tier - 1);
  EXPECT_THAT(RefusedHooks(accept), AllOf(IsSupersetOf(better), Not(Contains(accept.hook))));
}

// Every hook reports the accepting process exactly once.
void CheckAccept(Recorder* recorder) {
  const model::SourceCoverage coverage = CoverageOf(recorder)["accept"];
  TcpPair pair = ConnectedPair("127.0.0.1");
  ASSERT_TRUE(WriteAll(pair.server.get(), 1) && ReadAll(pair.client.get(), 1));
  ASSERT_TRUE(WriteAll(pair.client.get(), 1) && ReadAll(pair.server.get(), 1));
  recorder->Settle();
  const auto accepts = recorder->All<Accept>();
  ASSERT_EQ(accepts.size(), 1u) << coverage.hook;
  EXPECT_TRUE(IsProcess(accepts[0].first->header.process, getpid()));
  EXPECT_EQ(accepts[0].second->flow.server.port, pair.port);
  EXPECT_FALSE(accepts[0].second->hop_key.empty());
  EXPECT_EQ(accepts[0].second->first_use, coverage.hook == "tp_btf/sock_recv_length");
}

TEST(CoverageTest, BestAcceptHook_EmitsOneAccept) {
  Recorder recorder;
  CheckAccept(&recorder);
}

TEST(CoverageTest, LastAcceptTierForced_ReportsBetterHooksAsRefused) {
  Recorder recorder(OnlyBySystemCall(SyscallHooks::kAuto));
  const model::SourceCoverage accept = CoverageOf(&recorder)["accept"];
  std::vector<std::string> better = AcceptHooks();
  EXPECT_EQ(accept.tier, better.size());
  EXPECT_EQ(accept.hook, "tp/syscalls/sys_exit_accept");
  better.pop_back();
  EXPECT_THAT(RefusedHooks(accept), IsSupersetOf(better));
}

TEST(CoverageTest, SystemCallAcceptHook_EmitsOneAccept) {
  Recorder recorder(OnlyBySystemCall(SyscallHooks::kAlways));
  ASSERT_EQ(CoverageOf(&recorder)["accept"].hook, "tp/syscalls/sys_exit_accept");
  CheckAccept(&recorder);
}

TEST(CoverageTest, SystemCallHooksSwitchedOff_AcceptIsBlind) {
  Recorder recorder(OnlyBySystemCall(SyscallHooks::kNever));
  const model::SourceCoverage accept = CoverageOf(&recorder)["accept"];
  EXPECT_EQ(accept.tier, 0u);
  EXPECT_EQ(accept.hook, "");
  EXPECT_THAT(RefusedHooks(accept), Contains("tp/syscalls/sys_exit_accept"));
}

}  // namespace
}  // namespace hoptrail::kernel_test
