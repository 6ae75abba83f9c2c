#include "agent/worker/coverage.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hoptrail::agent {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::vector<model::SourceCoverage> Coverage(
    const std::vector<std::pair<std::string, std::string>>& hooks) {
  std::vector<model::SourceCoverage> coverage;
  for (const auto& [source, hook] : hooks) coverage.push_back({.source = source, .hook = hook});
  return coverage;
}

TEST(Coverage, SourceOfEveryPathWithoutAHook_IsBlind) {
  EXPECT_EQ(BlindSources(Coverage({{"fork", "a"}, {"exec", "b"}, {"tcp", "c"}, {"accept", "d"}})),
            "");
  EXPECT_EQ(BlindSources(Coverage({{"fork", "a"}, {"tcp", ""}, {"accept", ""}, {"file", ""}})),
            "tcp, accept");
}

TEST(Coverage, LoadersForks_AreSeenInItsNetworkNamespaceWithAForkHook) {
  Settings settings;
  EXPECT_TRUE(SeesTheLoader(settings, Coverage({{"fork", "tp_btf/sched_process_fork"}})));
  EXPECT_FALSE(SeesTheLoader(settings, Coverage({{"fork", ""}})));
  EXPECT_FALSE(SeesTheLoader(settings, {}));
  settings.network_namespace = "self";
  EXPECT_TRUE(SeesTheLoader(settings, Coverage({{"fork", "tp_btf/sched_process_fork"}})));
  settings.network_namespace = "/proc/7/ns/net";
  EXPECT_FALSE(SeesTheLoader(settings, Coverage({{"fork", "tp_btf/sched_process_fork"}})));
}

TEST(Coverage, Log_NamesHooksRefusalsMissesAndBlindSources) {
  testing::internal::CaptureStderr();
  LogCoverage({{.source = "accept",
                .hook = "kprobe/security_sock_graft",
                .tier = 2,
                .refusals = {"fexit/inet_csk_accept: EPERM"},
                .misses = {"accept by io_uring"}},
               {.source = "tcp", .refusals = {"tp_btf: EPERM"}}});
  EXPECT_THAT(
      testing::internal::GetCapturedStderr(),
      AllOf(HasSubstr("accept: kprobe/security_sock_graft (tier 2); does not see: accept by "
                      "io_uring; refused: fexit/inet_csk_accept: EPERM"),
            HasSubstr("W agent:   tcp: BLIND; refused: tp_btf: EPERM")));
}

}  // namespace
}  // namespace hoptrail::agent
