#include "agent/config/reload.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hoptrail::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kMinimal[] = "state_directory: /s\ncollector: {address: 'unix:/c'}\n";

Settings Parse(const std::string& text) {
  const auto settings = ParseSettings(text, "/etc/hoptrail/agent.yaml");
  EXPECT_TRUE(settings.ok()) << settings.status();
  return settings.value_or(Settings());
}

TEST(PlanReload, SameConfiguration_ChangesNothing) {
  const Settings settings = Parse(kMinimal);
  const Reload reload = PlanReload(settings, settings, settings);
  EXPECT_THAT(reload.changed, IsEmpty());
  EXPECT_THAT(reload.needs_restart, IsEmpty());
  EXPECT_EQ(reload.settings.state_directory, "/s");
}

TEST(PlanReload, ChangedWorkerKeys_TakeEffect) {
  const Settings started = Parse(kMinimal);
  const Settings fresh = Parse(
      "state_directory: /s\n"
      "collector: {address: 'unix:/other'}\n"
      "host: {name: web}\n"
      "rules: {pivot: {disabled: true}, brute_force: {failures_alone: 7}}\n"
      "spool: {max_mib: 1}\n"
      "log_level: debug\n");
  const Reload reload = PlanReload(started, started, fresh);
  EXPECT_THAT(reload.changed, ElementsAre("host.name", "collector", "rules.pivot",
                                          "rules.brute_force", "spool.max_mib", "log_level"));
  EXPECT_THAT(reload.needs_restart, IsEmpty());
  EXPECT_EQ(reload.settings.host_name, "web");
  EXPECT_EQ(reload.settings.collector.address(), "unix:/other");
  EXPECT_TRUE(reload.settings.rules.pivot().disabled());
  EXPECT_EQ(reload.settings.rules.brute_force().failures_alone(), 7u);
  EXPECT_EQ(reload.settings.spool_bytes, uint64_t{1} << 20);
  EXPECT_EQ(reload.settings.log_level, LogLevel::kDebug);
  EXPECT_THAT(reload.weakened, ElementsAre("collector", "rules.pivot"));
  // A key that is set back is a change of the settings in force, not of those at the start.
  const Reload back = PlanReload(started, reload.settings, started);
  EXPECT_THAT(back.changed.size(), 6u);
  EXPECT_THAT(back.weakened, ElementsAre("collector")) << "facts go to another collector again";
  EXPECT_EQ(back.settings.host_name, "");
}

TEST(PlanReload, ChangedKernelOrDirectoryKeys_NeedARestart) {
  Settings started = Parse(kMinimal);
  started.sensor.force_tiers["accept"] = 2;  // from the command line
  const Settings fresh = Parse(
      "state_directory: /other\n"
      "collector: {address: 'unix:/c'}\n"
      "host: {machine_id_file: /m}\n"
      "scope: {network_namespace: self}\n"
      "kernel: {syscall_hooks: never, high_ring_kib: 64, low_ring_kib: 64, watch: {reads: [/k]}}\n"
      "hops: {watched_ports: [22, 2222]}\n");
  const Reload reload = PlanReload(started, started, fresh);
  EXPECT_THAT(reload.changed, IsEmpty());
  EXPECT_THAT(reload.needs_restart,
              ElementsAre("state_directory", "host.machine_id_file", "scope.network_namespace",
                          "hops.watched_ports", "kernel.syscall_hooks", "kernel.high_ring_kib",
                          "kernel.low_ring_kib", "kernel.watch"));
  EXPECT_EQ(reload.settings.state_directory, "/s");
  EXPECT_EQ(reload.settings.network_namespace, "");
  EXPECT_EQ(reload.settings.watched_ports, started.watched_ports);
  EXPECT_TRUE(reload.settings.sensor == started.sensor);
  EXPECT_THAT(reload.weakened, ElementsAre("scope.network_namespace", "kernel.watch"))
      << "in force only after a restart, but asked for now";
}

TEST(CheckReload, BadFile_IsReportedByKeyAndLine) {
  const Settings started = Parse(kMinimal);
  auto bad = CheckReload(started, started, std::string(kMinimal) + "rules:\n  pivott: {}\n");
  ASSERT_FALSE(bad.ok());
  EXPECT_THAT(std::string(bad.status().message()),
              HasSubstr("/etc/hoptrail/agent.yaml:4: rules.pivott: unknown key"));
  // A file that names a missing file is bad, too.
  bad = CheckReload(started, started,
                    "state_directory: /s\n"
                    "collector: {address: 'a:1', tls: {ca_file: /nowhere/ca, certificate_file: /c, "
                    "key_file: /k}}\n");
  ASSERT_FALSE(bad.ok());
  EXPECT_THAT(std::string(bad.status().message()), HasSubstr("/nowhere/ca"));
}

TEST(ReadConfiguration, HugeFile_IsRefused) {
  const std::string path = testing::TempDir() + "/reload_test.yaml";
  std::ofstream(path) << kMinimal;
  EXPECT_EQ(ReadConfiguration(path).value_or(""), kMinimal);
  std::ofstream(path) << std::string(2 << 20, '#');
  EXPECT_FALSE(ReadConfiguration(path).ok());
  EXPECT_FALSE(ReadConfiguration("/nowhere/agent.yaml").ok());
}

}  // namespace
}  // namespace hoptrail::agent
