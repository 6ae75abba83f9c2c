#include "agent/kernel/plan/hook_kind.h"

#include <optional>
#include <string>

#include "gtest/gtest.h"

#include "agent/kernel/plan/hook_table.h"

namespace hoptrail::agent::kernel {
namespace {

TEST(HookKindTest, HookWithAKnownKind_IsSplitAtTheFirstSlash) {
  EXPECT_EQ(ParseHook("fexit/inet_csk_accept").kind, HookKind::kFexit);
  EXPECT_EQ(ParseHook("fexit/inet_csk_accept").target, "inet_csk_accept");
  EXPECT_EQ(ParseHook("tp/sched/sched_process_exec").kind, HookKind::kTracepoint);
  EXPECT_EQ(ParseHook("tp/sched/sched_process_exec").target, "sched/sched_process_exec");
  EXPECT_EQ(ParseHook("kretprobe/unix_stream_connect").kind, HookKind::kKprobe);
  EXPECT_EQ(ParseHook("cgroup_skb/egress").kind, HookKind::kCgroupSkb);
}

TEST(HookKindTest, HookWithoutAKnownKind_IsUnknown) {
  for (const char* hook : {"", "/", "fexit", "fexits/x", "xdp/x"}) {
    EXPECT_EQ(ParseHook(hook).kind, HookKind::kUnknown) << hook;
  }
}

// Otherwise the probe of the running kernel would refuse it everywhere.
TEST(HookKindTest, EveryHookOfTheTable_HasAKindAndATarget) {
  ASSERT_GT(HooksOfTable().size(), 20u);
  for (const auto& [hook, needs] : HooksOfTable()) {
    EXPECT_NE(ParseHook(hook).kind, HookKind::kUnknown) << hook;
    EXPECT_NE(ParseHook(hook).target, "") << hook;
  }
}

}  // namespace
}  // namespace hoptrail::agent::kernel
