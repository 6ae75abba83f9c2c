#include "agent/config/settings.h"

#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/config/test_certificates.h"

namespace hoptrail::agent {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

absl::StatusOr<Settings> Load(const std::string& text) {
  const std::string path = testing::TempDir() + "/settings_test.yaml";
  std::ofstream(path) << text;
  return LoadSettings(path);
}

constexpr char kMinimalSettings[] = "state_directory: /s\ncollector: {address: 'unix:/c'}\n";

TEST(Settings, MinimalFile_HasDefaults) {
  const auto settings = Load(kMinimalSettings);
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->machine_id_file, "/etc/machine-id");
  EXPECT_THAT(settings->watched_ports, ElementsAre(22));
  EXPECT_EQ(settings->sensor.high_ring_bytes, 4u << 20);
  EXPECT_THAT(settings->sensor.watch.reads, testing::Contains("/etc/shadow"));
  EXPECT_THAT(settings->sensor.watch.writes, testing::Contains("/etc/passwd"));
  EXPECT_EQ(settings->sensor.low_ring_bytes, 8u << 20);
  EXPECT_FALSE(settings->rules.pivot().disabled());
  EXPECT_EQ(settings->spool_bytes, uint64_t{256} << 20);
  EXPECT_EQ(settings->log_level, LogLevel::kInfo);
}

TEST(Settings, FullFile_ReachesEachStage) {
  const auto settings = Load(std::string(kMinimalSettings) +
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
  EXPECT_THAT(settings->rules.pivot().ports(), ElementsAre(22));
  EXPECT_EQ(settings->rules.brute_force().failures_alone(), 7u);
  EXPECT_TRUE(settings->rules.brute_force().disabled());
  EXPECT_EQ(settings->spool_bytes, uint64_t{1} << 20);
  EXPECT_EQ(settings->log_level, LogLevel::kDebug);
}

TEST(Settings, RelativeWatchedPath_IsRefused) {
  for (const char* path : {"etc/shadow", "~/.ssh", "/etc/../shadow", "/etc/.."}) {
    EXPECT_THAT(std::string(Load(std::string(kMinimalSettings) + "kernel: {watch: {writes: ['" +
                                 path + "']}}\n")
                                .status()
                                .message()),
                HasSubstr("kernel.watch.writes"))
        << path;
  }
}

std::string FaultOf(const std::string& text) {
  const auto settings = Load(text);
  return settings.ok() ? "no fault" : std::string(settings.status().message());
}

TEST(Settings, CollectorAddressThatCannotWork_IsRefused) {
  for (const char* address : {"https://c.example:7443", "c.example", "2001:db8::1:7443", "c:0",
                              "c:99999", "0.0.0.0:7443", "$C:1", "unix:c.sock"}) {
    EXPECT_THAT(FaultOf(std::string("state_directory: /s\ncollector:\n  address: '") + address +
                        "'\n  tls: {ca_file: a, certificate_file: b, key_file: c}\n"),
                HasSubstr(std::string("settings_test.yaml:3: collector.address: '") + address));
  }
  EXPECT_THAT(FaultOf("state_directory: /s\ncollector:\n  address: 'unix:/c'\n"
                      "  tls: {ca_file: a, certificate_file: b, key_file: c}\n"),
              HasSubstr("settings_test.yaml:4: collector.tls: does not go with a UNIX socket"));
  EXPECT_THAT(FaultOf("state_directory: s\ncollector: {address: 'unix:/c'}\n"),
              HasSubstr("settings_test.yaml:1: state_directory: \"s\": must be an absolute path"));
}

std::vector<std::string> Found(const std::string& text) {
  const auto settings = Load(text);
  EXPECT_TRUE(settings.ok()) << settings.status();
  const config::Findings findings = CheckSettings(*settings);
  std::vector<std::string> all;
  for (const config::Finding& finding : findings.all()) {
    EXPECT_NE(finding.weight, config::Weight::kWarning) << finding.text;
    all.push_back(finding.text);
  }
  return all;
}

TEST(Settings, NamedFiles_AreChecked) {
  const std::string machine_id = testing::TempDir() + "/settings_test_machine_id";
  std::ofstream(machine_id) << "00112233445566778899aabbccddeeff\n";
  const config::TestAuthority authority("settings_test", "Test CA");
  const auto text = [&](const std::string& owner, const std::string& state) {
    const v1::TlsConfig tls =
        authority.Issue("agent", 3600, {.names = "URI:spiffe://hoptrail/agent/" + owner});
    return "state_directory: " + state + "\nhost: {machine_id_file: " + machine_id +
           "}\ncollector:\n  address: 'c:1'\n  tls:\n    ca_file: " + tls.ca_file() +
           "\n    certificate_file: " + tls.certificate_file() +
           "\n    key_file: " + tls.key_file() + "\n";
  };
  const std::string missing = testing::TempDir() + "settings_test." + std::to_string(getpid());
  EXPECT_THAT(Found(text("00112233445566778899aabbccddeeff", missing + "/yet")), IsEmpty());
  EXPECT_THAT(Found(text("ffffffffffffffffffffffffffffffff", "/tmp")),
              ElementsAre(HasSubstr("settings_test.yaml:7: collector.tls.certificate_file: ")));
  EXPECT_THAT(
      Found(text("00112233445566778899aabbccddeeff", "/dev/null")),
      ElementsAre(HasSubstr("settings_test.yaml:1: state_directory: /dev/null: is no dir")));
  EXPECT_THAT(Found(std::string(kMinimalSettings) + "scope: {network_namespace: /nowhere/net}\n"),
              Contains(HasSubstr("settings_test.yaml:3: scope.network_namespace: /nowhere/net")));
  EXPECT_THAT(Found(std::string(kMinimalSettings) + "host: {machine_id_file: /nowhere/id}\n"),
              Contains(HasSubstr("settings_test.yaml:3: host.machine_id_file: /nowhere/id")));
}

TEST(Settings, ConstraintsBeyondTheSchema_AreChecked) {
  EXPECT_THAT(
      std::string(Load("state_directory: /s\ncollector: {address: 'c:1'}\n").status().message()),
      HasSubstr("collector.tls: required"));
  EXPECT_THAT(
      std::string(
          Load(std::string(kMinimalSettings) + "kernel: {high_ring_kib: 5}\n").status().message()),
      HasSubstr("kernel.high_ring_kib: must be a power of two"));
}

}  // namespace
}  // namespace hoptrail::agent
