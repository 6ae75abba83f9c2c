#include "agent/kernel/plan/hook_plan.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoptrail::agent::kernel {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

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

TEST(HookPlanTest, TriesTheBestFirst) {
  EXPECT_THAT(Hooks(Find(MakePlan({}, SyscallHooks::kAuto), "accept")),
              ElementsAre("fexit/inet_csk_accept", "kprobe/security_sock_graft",
                          "tp_btf/sock_recv_length", "tp/syscalls/sys_exit_accept"));
}

TEST(HookPlanTest, KeepsWhyAHookIsRefused) {
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

TEST(HookPlanTest, SyscallHooksCanBeSwitchedOffOrPreferred) {
  const Features features{
      .refused = {{"fexit/inet_csk_accept", "x"}, {"kprobe/security_sock_graft", "x"}}};
  EXPECT_THAT(Hooks(Find(MakePlan(features, SyscallHooks::kNever), "accept")),
              ElementsAre("tp_btf/sock_recv_length"));
  EXPECT_THAT(Hooks(Find(MakePlan(features, SyscallHooks::kAlways), "accept")),
              ElementsAre("tp/syscalls/sys_exit_accept", "tp_btf/sock_recv_length"));
}

TEST(HookPlanTest, OnlyAForcedTierIsTried) {
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

TEST(HookPlanTest, AForcedTierThatIsRefusedLeavesNothing) {
  const Features features{.refused = {{"kprobe/security_sock_graft", "no kprobes"}}};
  const std::vector<PlannedSource> plan = MakePlan(features, SyscallHooks::kAuto, {{"accept", 2}});
  EXPECT_TRUE(Find(plan, "accept").candidates.empty());
  EXPECT_EQ(Find(plan, "accept").refusals[1], "kprobe/security_sock_graft: no kprobes");
}

TEST(HookPlanTest, AFactWithoutAnyHookIsStillPlanned) {
  const Features features{.refused = {{"tp_btf/inet_sock_set_state", "not in this kernel"},
                                      {"tp/sock/inet_sock_set_state", "not in tracefs"}}};
  const std::vector<PlannedSource> plan = MakePlan(features, SyscallHooks::kAuto);
  EXPECT_TRUE(Find(plan, "tcp").candidates.empty());
  EXPECT_EQ(Find(plan, "tcp").refusals.size(), 2u);
}

TEST(HookPlanTest, AProgramThatIsMissingLeavesTheRestOfItsHook) {
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

TEST(HookPlanTest, AFallbackStandsBesideWhereTheKernelHasItsHook) {
  const std::vector<PlannedSource> plan =
      MakePlan({.refused = {{"kprobe/wake_up_new_task", "no kprobes"}}}, SyscallHooks::kAuto);
  EXPECT_THAT(Find(plan, "fork").candidates[0].fallbacks, IsEmpty());
  const std::vector<FallbackProgram>& fallbacks = Find(plan, "exec").candidates[0].fallbacks;
  ASSERT_EQ(fallbacks.size(), 1u);
  EXPECT_EQ(fallbacks[0].of, "ht_exec");
  EXPECT_EQ(fallbacks[0].program, "ht_exec_fallback");
}

TEST(HookPlanTest, WhereNothingIsSkippedThereIsNoFallback) {
  const std::vector<PlannedSource> plan = MakePlan({.skips_tracepoints = false}, SyscallHooks::kAuto);
  EXPECT_THAT(Find(plan, "exec").candidates[0].fallbacks, IsEmpty());
  EXPECT_THAT(Hooks(Find(plan, "exec")),
              ElementsAre("tp_btf/sched_process_exec", "tp/sched/sched_process_exec"));
}

// One serves alone where its first cannot, so it is a candidate too: after what it stands beside.
TEST(HookPlanTest, EveryFallbackIsACandidateOfItsOwn) {
  for (const EventSource& row : EventSourceTable()) {
    for (const FallbackProgram& fallback : row.candidates[0].fallbacks) {
      EXPECT_THAT(row.candidates[0].programs, Contains(fallback.of));
      ASSERT_GT(TierOf(row.source, fallback.hook), 1u) << fallback.program;
      EXPECT_THAT(row.candidates[TierOf(row.source, fallback.hook) - 1].programs,
                  ElementsAre(fallback.program));
    }
  }
}

TEST(HookPlanTest, SaysWhatAHookDoesNotSee) {
  constexpr char kOpenat[] = "tp/syscalls/sys_exit_openat";
  EXPECT_THAT(MissesOf("file", "lsm/file_open", {}), IsEmpty());
  EXPECT_THAT(MissesOf("file", kOpenat, {}), Contains("open by io_uring"));
  const std::vector<std::string> misses = MissesOf("file", kOpenat, {"ht_io_uring_opened"});
  EXPECT_THAT(misses, Not(Contains("open by io_uring")));
  // Who hides is not seen either way.
  EXPECT_THAT(misses, Contains(HasSubstr("io_uring that hides its completion")));
  EXPECT_THAT(MissesOf("datagram flows", "fexit/udp_sendmsg", {"ht_udp6_sent"}), Contains("raw IPv4"));
}

// Every hook that is marked as seeing less says what.
TEST(HookPlanTest, AnInexactHookSaysWhatItMisses) {
  size_t inexact = 0, optionals = 0;
  for (const EventSource& row : EventSourceTable()) {
    for (const HookCandidate& candidate : row.candidates) {
      if (candidate.inexact) {
        ++inexact;
        EXPECT_THAT(candidate.misses, Not(IsEmpty())) << row.source << ": " << candidate.hook;
      }
      for (const OptionalProgram& optional : candidate.optional) {
        ++optionals;
        EXPECT_NE(optional.without, "") << optional.program;
      }
    }
  }
  EXPECT_GT(inexact, 0u);
  EXPECT_GT(optionals, 0u);
}

TEST(HookPlanTest, TiersCountFromOne) {
  EXPECT_EQ(TierOf("accept", "fexit/inet_csk_accept"), 1u);
  EXPECT_EQ(TierOf("accept", "tp_btf/sock_recv_length"), 3u);
  EXPECT_EQ(TierOf("accept", "nothing"), 0u);
}

}  // namespace
}  // namespace hoptrail::agent::kernel
