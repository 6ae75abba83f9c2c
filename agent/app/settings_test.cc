#include "agent/app/settings.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hoptrail::agent::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<Settings> Load(const std::string& text) {
  const std::string path = testing::TempDir() + "/settings_test.yaml";
  std::ofstream(path) << text;
  return LoadSettings(path);
}

constexpr char kMinimal[] = "state_directory: /s\ncollector: {address: 'unix:/c'}\n";

TEST(Settings, Defaults) {
  const auto settings = Load(kMinimal);
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->machine_id_file, "/etc/machine-id");
  EXPECT_THAT(settings->watched_ports, ElementsAre(22));
  EXPECT_EQ(settings->sensor.high_ring_bytes, 4u << 20);
  EXPECT_THAT(settings->sensor.watch.reads, testing::Contains("/etc/shadow"));
  EXPECT_THAT(settings->sensor.watch.writes, testing::Contains("/etc/passwd"));
  EXPECT_EQ(settings->sensor.low_ring_bytes, 8u << 20);
  EXPECT_EQ(settings->brute_force.failures_before_success, 5u);
  EXPECT_EQ(settings->brute_force.window_seconds, 600u);
  EXPECT_EQ(settings->pivot.ports.size(), 11u);
  EXPECT_EQ(settings->spool_bytes, uint64_t{256} << 20);
  EXPECT_EQ(settings->log_level, LogLevel::kInfo);
}

TEST(Settings, ReachEachStage) {
  const auto settings = Load(std::string(kMinimal) +
                             "host: {name: web, machine_id_file: /m}\n"
                             "kernel:\n"
                             "  syscall_hooks: never\n"
                             "  low_ring_kib: 64\n"
                             "  watch: {reads: [/keys, '/home/*/keys']}\n"
                             "hops: {watched_ports: [22, 2222]}\n"
                             "rules:\n"
                             "  pivot: {ports: [22]}\n"
                             "  brute_force: {failures_alone: 7, disabled: true}\n"
                             "spool: {max_mib: 1}\n"
                             "log_level: debug\n");
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->host_name, "web");
  EXPECT_EQ(settings->machine_id_file, "/m");
  EXPECT_EQ(settings->sensor.syscall_hooks, kernel::SyscallHooks::kNever);
  EXPECT_EQ(settings->sensor.low_ring_bytes, 64u * 1024);
  EXPECT_THAT(settings->sensor.watched_ports, ElementsAre(22, 2222));
  EXPECT_THAT(settings->sensor.watch.reads, ElementsAre("/keys", "/home/*/keys"));
  EXPECT_TRUE(settings->sensor.watch.writes.empty());
  EXPECT_THAT(settings->pivot.ports, ElementsAre(22));
  EXPECT_EQ(settings->brute_force.failures_alone, 7u);
  EXPECT_TRUE(settings->brute_force.disabled);
  EXPECT_EQ(settings->spool_bytes, uint64_t{1} << 20);
  EXPECT_EQ(settings->log_level, LogLevel::kDebug);
}

TEST(Settings, WatchedPathsAreAbsolute) {
  for (const char* path : {"etc/shadow", "~/.ssh", "/etc/../shadow", "/etc/.."}) {
    EXPECT_THAT(
        std::string(Load(std::string(kMinimal) + "kernel: {watch: {writes: ['" + path + "']}}\n")
                        .status()
                        .message()),
        HasSubstr("kernel.watch.writes"))
        << path;
  }
}

TEST(Settings, WhatTheSchemaCannotSay) {
  EXPECT_THAT(
      std::string(Load("state_directory: /s\ncollector: {address: 'c:1'}\n").status().message()),
      HasSubstr("collector.tls: required"));
  EXPECT_THAT(
      std::string(Load(std::string(kMinimal) + "kernel: {high_ring_kib: 5}\n").status().message()),
      HasSubstr("kernel.high_ring_kib: must be a power of two"));
}

}  // namespace
}  // namespace hoptrail::agent::app
