#include "agent/config/reload.h"

#include <fstream>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
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
  EXPECT_THAT(reload.weakened, ElementsAre("collector", "rules.pivot", "spool.max_mib"));
  // A key that is set back is a change of the settings in force, not of those at the start.
  const Reload back = PlanReload(started, reload.settings, started);
  EXPECT_THAT(back.changed.size(), 6u);
  EXPECT_THAT(back.weakened, ElementsAre("collector", "rules.brute_force"))
      << "facts go to another collector again, and 20 failures are needed instead of 7";
  EXPECT_EQ(back.settings.host_name, "");
}

TEST(PlanReload, RuleThatDetectsLess_IsWeakened) {
  const auto weakened = [](const std::string& before, const std::string& after) {
    const Settings present = Parse(absl::StrCat(kMinimal, "rules: {", before, "}\n"));
    return PlanReload(present, present, Parse(absl::StrCat(kMinimal, "rules: {", after, "}\n")))
        .weakened;
  };
  const auto pivot = ElementsAre("rules.pivot"), guessing = ElementsAre("rules.brute_force");
  EXPECT_THAT(weakened("", "pivot: {ports: [1]}"), pivot);
  EXPECT_THAT(weakened("pivot: {ports: [22, 23]}", "pivot: {ports: [22]}"), pivot);
  EXPECT_THAT(weakened("pivot: {ports: [22]}", "pivot: {ports: [22, 23]}"), IsEmpty());
  EXPECT_THAT(weakened("", "brute_force: {failures_before_success: 6}"), guessing);
  EXPECT_THAT(weakened("", "brute_force: {failures_before_success: 5}"), IsEmpty());
  EXPECT_THAT(weakened("", "brute_force: {failures_alone: 1000000}"), guessing);
  EXPECT_THAT(weakened("", "brute_force: {window_seconds: 1}"), guessing);
  EXPECT_THAT(weakened("", "brute_force: {window_seconds: 601}"), IsEmpty());
  EXPECT_THAT(weakened("pivot: {disabled: true}", ""), IsEmpty());
}

TEST(PlanReload, EveryFieldOfAHostRule_SaysWhichChangeWeakensIt) {
  const google::protobuf::Descriptor& rules = *v1::HostRulesConfig::descriptor();
  ASSERT_GT(rules.field_count(), 0);
  for (int i = 0; i < rules.field_count(); ++i) {
    const google::protobuf::Descriptor& rule = *rules.field(i)->message_type();
    for (int j = 0; j < rule.field_count(); ++j) {
      const google::protobuf::FieldDescriptor& field = *rule.field(j);
      if (field.name() == "disabled") continue;
      const v1::Weaker weaker = field.options().GetExtension(v1::weaker);
      EXPECT_EQ(weaker == v1::when_fewer, field.is_repeated()) << field.full_name();
      EXPECT_NE(weaker, v1::WEAKER_UNSPECIFIED) << field.full_name();
      EXPECT_EQ(field.cpp_type(), google::protobuf::FieldDescriptor::CPPTYPE_UINT32)
          << field.full_name() << ": reload.cc compares no other type";
      if (!field.is_repeated()) {
        EXPECT_GT(field.options().GetExtension(v1::zero_means), 0u) << field.full_name();
      }
    }
  }
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
