#include "agent/kernel/plan/uprobe_plan.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hoptrail::agent::kernel {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const UprobeSource& UprobeRow(const std::string& source) {
  for (const UprobeSource& row : UprobeTable()) {
    if (row.source == source) return row;
  }
  ADD_FAILURE() << "no source " << source;
  return UprobeTable()[0];
}

TEST(UprobePlanTest, KernelWithUprobeMulti_UsesIt) {
  EXPECT_EQ(PlanUprobes(absl::OkStatus(), {})["pam"].tier, kUprobeMultiTier);
  EXPECT_THAT(PlanUprobes(absl::OkStatus(), {})["pam"].refusals, IsEmpty());
}

TEST(UprobePlanTest, KernelWithoutUprobeMulti_UsesPerf) {
  const UprobeMethod method = PlanUprobes(absl::UnimplementedError("too old"), {})["pam"];
  EXPECT_EQ(method.tier, kUprobePerfTier);
  EXPECT_THAT(method.refusals, ElementsAre("uprobe_multi/libpam: too old"));
}

TEST(UprobePlanTest, ForcedTier_IsTheOnlyOneTried) {
  const UprobeMethod second = PlanUprobes(absl::OkStatus(), {{"pam", 2}})["pam"];
  EXPECT_EQ(second.tier, kUprobePerfTier);
  EXPECT_THAT(second.refusals, ElementsAre("uprobe_multi/libpam: not tried: --force-tier"));
  const UprobeMethod none = PlanUprobes(absl::UnimplementedError("too old"), {{"pam", 1}})["pam"];
  EXPECT_EQ(none.tier, 0u);
  EXPECT_THAT(none.refusals, ElementsAre("uprobe_multi/libpam: too old",
                                         "uprobe/libpam: not tried: --force-tier"));
  EXPECT_EQ(PlanUprobes(absl::OkStatus(), {{"pam", 2}})["sshd"].tier, kUprobeMultiTier);
}

TEST(UprobePlanTest, Program_IsForUprobeMultiWhereItsSourceUsesThat) {
  const auto methods = PlanUprobes(absl::OkStatus(), {{"pam", 2}});
  EXPECT_FALSE(IsForUprobeMulti("ht_pam_start", methods));
  EXPECT_TRUE(IsForUprobeMulti("ht_syslog", methods));
  EXPECT_FALSE(IsForUprobeMulti("ht_exec", methods));
}

TEST(UprobePlanTest, EveryRow_HasARecordTypeAndPrograms) {
  EXPECT_EQ(UprobeRow("pam").record_type, HT_TYPE_PAM);
  EXPECT_EQ(UprobeRow("sshd").record_type, HT_TYPE_SSHD);
  EXPECT_THAT(UprobePrograms(), AllOf(Contains("ht_pam_close_session"), Contains("ht_syslog")));
}

// OpenSSH from 9.8 on has sshd-session and sshd-auth.
TEST(UprobePlanTest, Caller_IsTheProgramOrOneOfItsParts) {
  for (const char* command : {"sshd", "sshd-session", "sshd-auth"}) {
    EXPECT_TRUE(IsCaller(UprobeRow("sshd"), command)) << command;
  }
  for (const char* command : {"", "ssh", "sshdx", "xsshd", "sshd session"}) {
    EXPECT_FALSE(IsCaller(UprobeRow("sshd"), command)) << command;
  }
}

TEST(UprobePlanTest, LoginServers_AreProbedInTheirPrograms) {
  const UprobeSource& sshd = UprobeRow("sshd decisions");
  const UprobeSource& dropbear = UprobeRow("dropbear");
  EXPECT_TRUE(sshd.in_program && dropbear.in_program);
  for (const char* name : {"sshd", "sshd-session"}) EXPECT_TRUE(MayHaveFunctions(sshd, name));
  for (const char* name : {"dropbear", "dropbearmulti"}) {
    EXPECT_TRUE(MayHaveFunctions(dropbear, name)) << name;
  }
  EXPECT_FALSE(MayHaveFunctions(sshd, "libc.so.6"));
  EXPECT_TRUE(IsCaller(dropbear, "dropbear"));
  EXPECT_FALSE(IsCaller(sshd, "dropbear"));
}

// Since Linux 6.11 a return probe makes a system call, for which the sandbox of sshd's part that
// faces the network kills that part.
TEST(UprobePlanTest, LoginServers_HaveNoProbeAtAReturn) {
  size_t probes = 0;
  for (const UprobeSource& source : UprobeTable()) {
    if (!source.in_program) continue;
    for (const UprobeProbe& probe : source.probes) {
      EXPECT_FALSE(probe.at_return) << probe.program;
      ++probes;
    }
  }
  EXPECT_GT(probes, 0u);
}

TEST(UprobePlanTest, OtherBuildsOfTheCLibrary_MayHaveItsFunctions) {
  for (const char* name : {"libc.so.6", "libc.so", "libc-2.31.so", "ld-musl-x86_64.so.1"}) {
    EXPECT_TRUE(MayHaveFunctions(UprobeRow("sshd"), name)) << name;
    EXPECT_FALSE(MayHaveFunctions(UprobeRow("pam"), name)) << name;
  }
  EXPECT_TRUE(MayHaveFunctions(UprobeRow("pam"), "libpam.so.0"));
  EXPECT_FALSE(MayHaveFunctions(UprobeRow("pam"), "libpam.so.0.85.1"));
  EXPECT_FALSE(MayHaveFunctions(UprobeRow("sshd"), "libcrypt.so.1"));
}

}  // namespace
}  // namespace hoptrail::agent::kernel
