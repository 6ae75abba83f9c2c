#include "agent/kernel/plan/hook_plan.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoptrail::agent::kernel {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

const PlannedSource& Find(const std::vector<PlannedSource>& plan, const std::string& source) {
  for (const PlannedSource& planned : plan) {
    if (planned.source == source) return planned;
  }
  ADD_FAILURE() << "no source " << source;
  static const PlannedSource none;
  return none;
}

std::vector<std::string> Hooks(const PlannedSource& source) {
  std::vector<std::string> hooks;
  for (const HookCandidate& candidate : source.candidates) hooks.push_back(candidate.hook);
  return hooks;
}

std::vector<std::string> Names(const std::vector<FallbackProgram>& fallbacks) {
  std::vector<std::string> names;
  for (const FallbackProgram& fallback : fallbacks) names.push_back(fallback.program);
  return names;
}

TEST(HookPlanTest, KernelThatRefusesNothing_TriesTheBestFirst) {
  EXPECT_THAT(Hooks(Find(MakePlan({}, SyscallHooks::kAuto), "accept")),
              ElementsAre("fexit/inet_csk_accept", "kprobe/security_sock_graft",
                          "tp_btf/sock_recv_length", "tp/syscalls/sys_exit_accept"));
}

TEST(HookPlanTest, RefusedHook_IsLeftOutWithItsReason) {
  const Features features{.refused = {{"fexit/inet_csk_accept", "load refused"},
                                      {"tp_btf/sock_send_length", "not in this kernel"}}};
  const std::vector<PlannedSource> plan = MakePlan(features, SyscallHooks::kAuto);
  const PlannedSource& accept = Find(plan, "accept");
  EXPECT_THAT(Hooks(accept),
              ElementsAre("kprobe/security_sock_graft", "tp/syscalls/sys_exit_accept"));
  EXPECT_THAT(accept.refusals,
              ElementsAre("fexit/inet_csk_accept: load refused",
                          "tp_btf/sock_recv_length: tp_btf/sock_send_length: not in this kernel"));
}

TEST(HookPlanTest, SyscallHooks_CanBeSwitchedOffOrPreferred) {
  const Features features{
      .refused = {{"fexit/inet_csk_accept", "x"}, {"kprobe/security_sock_graft", "x"}}};
  EXPECT_THAT(Hooks(Find(MakePlan(features, SyscallHooks::kNever), "accept")),
              ElementsAre("tp_btf/sock_recv_length"));
  EXPECT_THAT(Hooks(Find(MakePlan(features, SyscallHooks::kAlways), "accept")),
              ElementsAre("tp/syscalls/sys_exit_accept", "tp_btf/sock_recv_length"));
}

TEST(HookPlanTest, ForcedTier_IsTheOnlyOneTried) {
  const Features features{.refused = {{"kprobe/security_sock_graft", "x"}}};
  const std::vector<PlannedSource> plan =
      MakePlan(features, SyscallHooks::kAuto, {{"accept", 3}, {"tcp", 1}});
  const PlannedSource& accept = Find(plan, "accept");
  EXPECT_THAT(Hooks(accept), ElementsAre("tp_btf/sock_recv_length"));
  EXPECT_THAT(accept.refusals, ElementsAre("fexit/inet_csk_accept: not tried: --force-tier",
                                           "kprobe/security_sock_graft: not tried: --force-tier",
                                           "tp/syscalls/sys_exit_accept: not tried: --force-tier"));
  EXPECT_THAT(Hooks(Find(plan, "tcp")), ElementsAre("tp_btf/inet_sock_set_state"));
  EXPECT_EQ(Find(plan, "exec").candidates.size(), 2u);
}

TEST(HookPlanTest, ForcedTierThatIsRefused_LeavesNoCandidate) {
  const Features features{.refused = {{"kprobe/security_sock_graft", "no kprobes"}}};
  const std::vector<PlannedSource> plan = MakePlan(features, SyscallHooks::kAuto, {{"accept", 2}});
  EXPECT_TRUE(Find(plan, "accept").candidates.empty());
  EXPECT_EQ(Find(plan, "accept").refusals[1], "kprobe/security_sock_graft: no kprobes");
}

TEST(HookPlanTest, SourceWithoutAnyHook_IsStillPlanned) {
  const Features features{.refused = {{"tp_btf/inet_sock_set_state", "not in this kernel"},
                                      {"tp/sock/inet_sock_set_state", "not in tracefs"}}};
  const std::vector<PlannedSource> plan = MakePlan(features, SyscallHooks::kAuto);
  EXPECT_TRUE(Find(plan, "tcp").candidates.empty());
  EXPECT_EQ(Find(plan, "tcp").refusals.size(), 2u);
}

TEST(HookPlanTest, RefusedOptionalProgram_LeavesTheRestOfItsCandidate) {
  const Features features{.refused = {{"fexit/ping_v6_sendmsg", "not in this kernel"}}};
  const std::vector<PlannedSource> plan = MakePlan(features, SyscallHooks::kAuto);
  const PlannedSource& flow = Find(plan, "datagram flows");
  EXPECT_THAT(Hooks(flow), ElementsAre("fexit/udp_sendmsg", "cgroup_skb/egress"));
  EXPECT_THAT(flow.candidates[0].lacks, ElementsAre("fexit/ping_v6_sendmsg: not in this kernel"));
  EXPECT_THAT(flow.refusals, IsEmpty()) << "no tier was refused";
  const std::vector<OptionalProgram>& left = flow.candidates[0].optional;
  ASSERT_EQ(left.size(), 5u);
  for (const OptionalProgram& optional : left) EXPECT_NE(optional.hook, "fexit/ping_v6_sendmsg");
}

TEST(HookPlanTest, FallbackProgram_IsPlannedWhereTheKernelHasItsHook) {
  const std::vector<PlannedSource> plan =
      MakePlan({.refused = {{"kprobe/wake_up_new_task", "no kprobes"}}}, SyscallHooks::kAuto);
  EXPECT_THAT(Find(plan, "fork").candidates[0].fallbacks, IsEmpty());
  const std::vector<FallbackProgram>& fallbacks = Find(plan, "exec").candidates[0].fallbacks;
  ASSERT_EQ(fallbacks.size(), 1u);
  EXPECT_EQ(fallbacks[0].of, "ht_exec");
  EXPECT_EQ(fallbacks[0].program, "ht_exec_fallback");
  EXPECT_THAT(Names(FallbacksOf(plan)),
              AllOf(Contains("ht_exec_fallback"), Not(Contains("ht_fork_fallback"))));
}

TEST(HookPlanTest, KernelWithoutRecursionMisses_HasNoFallbackPrograms) {
  const std::vector<PlannedSource> plan =
      MakePlan({.skips_tracepoints = false}, SyscallHooks::kAuto);
  EXPECT_THAT(FallbacksOf(plan), IsEmpty());
  EXPECT_THAT(Hooks(Find(plan, "exec")),
              ElementsAre("tp_btf/sched_process_exec", "tp/sched/sched_process_exec"));
}

TEST(HookPlanTest, PreemptibleTracepoints_StartTheTablesFallbackProgramsAtOnce) {
  const Features features{.preempts_tracepoints = true};
  const std::vector<PlannedSource> plan = MakePlan(features, SyscallHooks::kAuto);
  EXPECT_THAT(Names(FallbacksAtOnce(plan, features, {})),
              UnorderedElementsAre("ht_fork_fallback", "ht_exec_fallback", "ht_exit_fallback",
                                   "ht_switch_namespaces_kprobe"));
  EXPECT_THAT(Names(FallbacksAtOnce(plan, features, {"tcp"})), Contains("ht_tcp_fallback"));
}

TEST(HookPlanTest, TracepointsThatCannotBePreempted_StartNoFallbackProgramAtOnce) {
  const std::vector<PlannedSource> plan = MakePlan({}, SyscallHooks::kAuto);
  EXPECT_THAT(FallbacksOf(plan), Not(IsEmpty()));
  EXPECT_THAT(FallbacksAtOnce(plan, {}, {"tcp"}), IsEmpty());
}

TEST(HookPlanTest, Flags_AreThoseOfTheFirstCandidates) {
  EXPECT_THAT(FlagsOf(MakePlan({}, SyscallHooks::kAuto)), ElementsAre(KernelFlag::kExitFirst));
  EXPECT_THAT(FlagsOf(MakePlan({}, SyscallHooks::kAuto,
                               {{"exit", 2}, {"accept", 3}, {"socket handover", 3}})),
              ElementsAre(KernelFlag::kAcceptByUse, KernelFlag::kHandoverByUse));
}

TEST(HookPlanTest, Programs_AreThoseOfTheFirstCandidates) {
  const std::set<std::string> programs = ProgramsOf(MakePlan({}, SyscallHooks::kAuto));
  EXPECT_THAT(programs, AllOf(Contains("ht_exec"), Contains("ht_exec_fallback"),
                              Contains("ht_raw6_sent"), Contains("ht_snapshot_sockets")));
  EXPECT_THAT(programs, Not(Contains("ht_accept_exit"))) << "it is of the last tier";
}

TEST(HookPlanTest, RemovedProgram_TakesItsCandidatesAlong) {
  std::vector<PlannedSource> plan = MakePlan({}, SyscallHooks::kAuto);
  RemoveProgram("ht_socket_sent", "load refused: too large", &plan);
  EXPECT_THAT(Hooks(Find(plan, "accept")),
              ElementsAre("fexit/inet_csk_accept", "kprobe/security_sock_graft",
                          "tp/syscalls/sys_exit_accept"));
  EXPECT_THAT(Find(plan, "accept").refusals,
              ElementsAre("tp_btf/sock_recv_length: load refused: too large"));
  EXPECT_THAT(Find(plan, "socket handover").refusals,
              ElementsAre("tp_btf/sock_recv_length: load refused: too large"));
}

TEST(HookPlanTest, RemovedOptionalOrFallbackProgram_LeavesItsCandidate) {
  std::vector<PlannedSource> plan = MakePlan({}, SyscallHooks::kAuto);
  RemoveProgram("ht_raw_sent", "load refused", &plan);
  const HookCandidate& flows = Find(plan, "datagram flows").candidates[0];
  EXPECT_EQ(flows.hook, "fexit/udp_sendmsg");
  EXPECT_EQ(flows.optional.size(), 5u);
  EXPECT_THAT(flows.lacks, ElementsAre("fexit/raw_sendmsg: load refused"));
  RemoveProgram("ht_exec_fallback", "load refused", &plan);
  EXPECT_THAT(Hooks(Find(plan, "exec")), ElementsAre("tp_btf/sched_process_exec"));
  EXPECT_THAT(Find(plan, "exec").candidates[0].fallbacks, IsEmpty());
}

}  // namespace
}  // namespace hoptrail::agent::kernel
