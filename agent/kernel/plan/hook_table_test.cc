#include "agent/kernel/plan/hook_table.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoptrail::agent::kernel {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const EventSource& Row(const std::string& source) {
  for (const EventSource& row : EventSourceTable()) {
    if (row.source == source) return row;
  }
  ADD_FAILURE() << "no source " << source;
  return EventSourceTable()[0];
}

TEST(HookTableTest, EverySource_HasARecordTypeAndACandidate) {
  std::set<std::string> sources;
  for (const EventSource& row : EventSourceTable()) {
    EXPECT_TRUE(sources.insert(row.source).second) << row.source;
    EXPECT_NE(row.record_type, HT_TYPE_UNKNOWN) << row.source;
    EXPECT_LT(row.record_type, HT_TYPES) << row.source;
    ASSERT_FALSE(row.candidates.empty()) << row.source;
    for (const HookCandidate& candidate : row.candidates) {
      EXPECT_THAT(candidate.programs, Not(IsEmpty())) << candidate.hook;
      EXPECT_THAT(candidate.lacks, IsEmpty()) << candidate.hook;
    }
  }
  EXPECT_EQ(Row("exec").record_type, HT_TYPE_EXEC);
  EXPECT_EQ(Row("socket handover").record_type, HT_TYPE_ACCEPT);
  EXPECT_EQ(Row("bpf on the sensor").record_type, HT_TYPE_TAMPERING);
}

// A fallback program serves alone where the kernel refuses the first program.
TEST(HookTableTest, EveryFallbackProgram_IsALaterCandidateOfItsSource) {
  size_t fallbacks = 0;
  for (const EventSource& row : EventSourceTable()) {
    for (const FallbackProgram& fallback : row.candidates[0].fallbacks) {
      ++fallbacks;
      EXPECT_THAT(row.candidates[0].programs, Contains(fallback.of));
      ASSERT_GT(TierOf(row.source, fallback.hook), 1u) << fallback.program;
      EXPECT_THAT(row.candidates[TierOf(row.source, fallback.hook) - 1].programs,
                  ElementsAre(fallback.program));
    }
  }
  EXPECT_GT(fallbacks, 0u);
}

TEST(HookTableTest, FallbackProgramsOfEveryProcessEnd_StartWhereProgramsCanBePreempted) {
  for (const char* source : {"fork", "exec", "exit", "namespaces"}) {
    ASSERT_EQ(Row(source).candidates[0].fallbacks.size(), 1u) << source;
    EXPECT_EQ(Row(source).candidates[0].fallbacks[0].start, FallbackStart::kIfPreemptible);
  }
  for (const char* source : {"tcp", "accept", "credentials"}) {
    ASSERT_EQ(Row(source).candidates[0].fallbacks.size(), 1u) << source;
    EXPECT_EQ(Row(source).candidates[0].fallbacks[0].start, FallbackStart::kAfterMiss);
  }
}

TEST(HookTableTest, EachFlag_BelongsToOneCandidateOrFallbackProgram) {
  std::map<KernelFlag, std::string> owners;
  for (const EventSource& row : EventSourceTable()) {
    for (const HookCandidate& candidate : row.candidates) {
      if (candidate.flag.has_value()) {
        EXPECT_TRUE(owners.emplace(*candidate.flag, row.source).second) << candidate.hook;
      }
      for (const FallbackProgram& fallback : candidate.fallbacks) {
        if (!fallback.flag.has_value()) continue;
        EXPECT_TRUE(owners.emplace(*fallback.flag, row.source).second) << fallback.program;
      }
    }
  }
  EXPECT_EQ(owners,
            (std::map<KernelFlag, std::string>{{KernelFlag::kExitFirst, "exit"},
                                               {KernelFlag::kAcceptByUse, "accept"},
                                               {KernelFlag::kHandoverByUse, "socket handover"},
                                               {KernelFlag::kTcpAttachedTwice, "tcp"}}));
}

TEST(HookTableTest, HooksOfTable_HoldEveryHookAndTheFieldThatItNeeds) {
  const auto hooks = HooksOfTable();
  for (const char* hook : {"fexit/inet_csk_accept", "tp_btf/sock_send_length",
                           "fexit/ping_v6_sendmsg", "kprobe/wake_up_new_task"}) {
    ASSERT_EQ(hooks.count(hook), 1u) << hook;
    EXPECT_FALSE(hooks.at(hook).has_value()) << hook;
  }
  ASSERT_EQ(hooks.count("tp_btf/io_uring_complete"), 1u);
  ASSERT_TRUE(hooks.at("tp_btf/io_uring_complete").has_value());
  EXPECT_EQ(hooks.at("tp_btf/io_uring_complete")->struct_name, "io_kiocb");
  EXPECT_EQ(hooks.at("tp_btf/io_uring_complete")->field, "cqe");
}

TEST(HookTableTest, MissingOptionalProgram_AddsToTheMisses) {
  constexpr char kOpenat[] = "tp/syscalls/sys_exit_openat";
  EXPECT_THAT(MissesOf("file", "lsm/file_open", {}), IsEmpty());
  EXPECT_THAT(MissesOf("file", kOpenat, {}), Contains("open by io_uring"));
  const std::vector<std::string> misses = MissesOf("file", kOpenat, {"ht_io_uring_opened"});
  EXPECT_THAT(misses, Not(Contains("open by io_uring")));
  // A hidden completion is not seen in either case.
  EXPECT_THAT(misses, Contains(HasSubstr("io_uring that hides its completion")));
  EXPECT_THAT(MissesOf("datagram flows", "fexit/udp_sendmsg", {"ht_udp6_sent"}),
              Contains("raw IPv4"));
}

TEST(HookTableTest, InexactCandidateOrOptionalProgram_SaysWhatIsMissed) {
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

TEST(HookTableTest, Tiers_CountFromOne) {
  EXPECT_EQ(TierOf("accept", "fexit/inet_csk_accept"), 1u);
  EXPECT_EQ(TierOf("accept", "tp_btf/sock_recv_length"), 3u);
  EXPECT_EQ(TierOf("accept", "nothing"), 0u);
}

TEST(HookTableTest, WalkedObjects_HaveOneIteratorEach) {
  EXPECT_EQ(WalkingProgram(WalkedObjects::kProcesses), "ht_snapshot_processes");
  EXPECT_EQ(WalkingProgram(WalkedObjects::kSockets), "ht_snapshot_sockets");
  EXPECT_EQ(WalkingProgram(WalkedObjects::kNone), "");
  EXPECT_EQ(std::count_if(EventSourceTable().begin(), EventSourceTable().end(),
                          [](const EventSource& row) { return row.walks != WalkedObjects::kNone; }),
            2);
}

}  // namespace
}  // namespace hoptrail::agent::kernel
