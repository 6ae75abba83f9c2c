#include "agent/kernel/hook_plan.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoptrail::agent::kernel {
namespace {

using ::testing::ElementsAre;

const PlannedFact& Find(const std::vector<PlannedFact>& plan, const std::string& fact) {
  for (const PlannedFact& planned : plan) {
    if (planned.fact == fact) return planned;
  }
  ADD_FAILURE() << "no fact " << fact;
  static const PlannedFact none;
  return none;
}

std::vector<std::string> Hooks(const PlannedFact& fact) {
  std::vector<std::string> hooks;
  for (const HookCandidate& candidate : fact.candidates) hooks.push_back(candidate.hook);
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
  const std::vector<PlannedFact> plan = MakePlan(features, SyscallHooks::kAuto);
  const PlannedFact& accept = Find(plan, "accept");
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
  const std::vector<PlannedFact> plan =
      MakePlan(features, SyscallHooks::kAuto, {{"accept", 3}, {"tcp", 1}});
  const PlannedFact& accept = Find(plan, "accept");
  EXPECT_THAT(Hooks(accept), ElementsAre("tp_btf/sock_recv_length"));
  EXPECT_THAT(accept.refusals, ElementsAre("fexit/inet_csk_accept: not tried: --force-tier",
                                           "kprobe/security_sock_graft: not tried: --force-tier",
                                           "tp/syscalls/sys_exit_accept: not tried: --force-tier"));
  EXPECT_THAT(Hooks(Find(plan, "tcp")), ElementsAre("tp_btf/inet_sock_set_state"));
  EXPECT_EQ(Find(plan, "exec").candidates.size(), 1u);
}

TEST(HookPlanTest, AForcedTierThatIsRefusedLeavesNothing) {
  const Features features{.refused = {{"kprobe/security_sock_graft", "no kprobes"}}};
  const std::vector<PlannedFact> plan = MakePlan(features, SyscallHooks::kAuto, {{"accept", 2}});
  EXPECT_TRUE(Find(plan, "accept").candidates.empty());
  EXPECT_EQ(Find(plan, "accept").refusals[1], "kprobe/security_sock_graft: no kprobes");
}

TEST(HookPlanTest, AFactWithoutAnyHookIsStillPlanned) {
  const Features features{.refused = {{"tp_btf/inet_sock_set_state", "not in this kernel"}}};
  const std::vector<PlannedFact> plan = MakePlan(features, SyscallHooks::kAuto);
  EXPECT_TRUE(Find(plan, "tcp").candidates.empty());
  EXPECT_EQ(Find(plan, "tcp").refusals.size(), 1u);
}

TEST(HookPlanTest, AProgramThatIsMissingLeavesTheRestOfItsHook) {
  const Features features{.refused = {{"fexit/ping_v6_sendmsg", "not in this kernel"}}};
  const std::vector<PlannedFact> plan = MakePlan(features, SyscallHooks::kAuto);
  const PlannedFact& sends = Find(plan, "sends");
  EXPECT_THAT(Hooks(sends), ElementsAre("fexit/udp_sendmsg", "cgroup_skb/egress"));
  EXPECT_THAT(sends.refusals, ElementsAre("fexit/ping_v6_sendmsg: not in this kernel"));
  const std::vector<OptionalProgram>& left = sends.candidates[0].optional;
  ASSERT_EQ(left.size(), 5u);
  for (const OptionalProgram& optional : left) EXPECT_NE(optional.hook, "fexit/ping_v6_sendmsg");
}

TEST(HookPlanTest, TiersCountFromOne) {
  EXPECT_EQ(TierOf("accept", "fexit/inet_csk_accept"), 1u);
  EXPECT_EQ(TierOf("accept", "tp_btf/sock_recv_length"), 3u);
  EXPECT_EQ(TierOf("accept", "nothing"), 0u);
}

}  // namespace
}  // namespace hoptrail::agent::kernel
