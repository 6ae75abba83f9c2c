#include "core/config/yaml_file.h"

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <hoptrail/v1/config.pb.h>

namespace hoptrail::config {
namespace {

using ::testing::HasSubstr;

constexpr char kMinimal[] =
    "state_directory: /var/lib/hoptrail\n"
    "collector:\n"
    "  address: unix:/run/c.sock\n";

std::string Fault(const std::string& text) {
  v1::AgentConfig config;
  const absl::Status status = ParseYaml(text, "agent.yaml", &config);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(status.message());
}

TEST(Yaml, EveryKind_IsRead) {
  v1::AgentConfig config;
  const absl::Status status = ParseYaml(
      "state_directory: /var/lib/hoptrail\n"
      "host: {name: '1234'}\n"
      "collector:\n"
      "  address: collector:7443\n"
      "  tls: {ca_file: ca.pem, certificate_file: a.pem, key_file: a.key}\n"
      "kernel: {syscall_hooks: never, high_ring_kib: 4096}\n"
      "hops: {watched_ports: [22, 2222]}\n"
      "rules:\n"
      "  pivot: {disabled: true}\n"
      "  brute_force:\n"
      "log_level: debug\n",
      "agent.yaml", &config);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(config.host().name(), "1234");
  EXPECT_EQ(config.collector().tls().key_file(), "a.key");
  EXPECT_EQ(config.kernel().syscall_hooks(), v1::never);
  EXPECT_EQ(config.kernel().high_ring_kib(), 4096u);
  ASSERT_EQ(config.hops().watched_ports_size(), 2);
  EXPECT_EQ(config.hops().watched_ports(1), 2222u);
  EXPECT_TRUE(config.rules().pivot().disabled());
  EXPECT_FALSE(config.rules().has_brute_force());
  EXPECT_EQ(config.log_level(), v1::debug);
}

TEST(Yaml, ControlCharacters_AreRefused) {
  for (const char c : {'\0', '\x04', '\x1b', '\x7f'}) {
    const std::string text = std::string(kMinimal) + "," + c + "s";
    EXPECT_THAT(Fault(text), HasSubstr("agent.yaml:4: a control character"));
  }
  v1::AgentConfig config;
  EXPECT_TRUE(ParseYaml(std::string(kMinimal) + "\r\n#\t\xc3\xa9\n", "agent.yaml", &config).ok());
}

TEST(Yaml, ListsOfMessages_AreRead) {
  v1::CollectorConfig config;
  ASSERT_TRUE(ParseYaml("listen:\n- address: unix:/a\n- address: unix:/b\nstore: {path: x}\n",
                        "collector.yaml", &config)
                  .ok());
  ASSERT_EQ(config.listen_size(), 2);
  EXPECT_EQ(config.listen(1).address(), "unix:/b");
  EXPECT_THAT(
      std::string(ParseYaml("store: {path: x}\nlisten:\n- address: a\n- adress: b\n", "c", &config)
                      .message()),
      "c:4: listen[1].adress: unknown key");
}

TEST(Yaml, UnknownOrRepeatedKey_IsRefusedWithItsLine) {
  EXPECT_EQ(Fault(std::string(kMinimal) + "rules:\n  brute_force: {}\n  pivot:\n    port: 22\n"),
            "agent.yaml:7: rules.pivot.port: unknown key");
  EXPECT_EQ(Fault(std::string(kMinimal) + "\nspool: {}\nspool: {}\n"),
            "agent.yaml:6: spool: given twice");
}

TEST(Yaml, WrongType_IsRefused) {
  const std::string minimal = kMinimal;
  EXPECT_EQ(Fault(minimal + "spool: {max_mib: many}\n"),
            "agent.yaml:4: spool.max_mib: expected a whole number from 0 to 1048576, got 'many'");
  EXPECT_THAT(Fault(minimal + "spool: {max_mib: '12'}\n"), HasSubstr("spool.max_mib: expected"));
  EXPECT_THAT(Fault(minimal + "spool: 5\n"), HasSubstr("agent.yaml:4: spool: expected keys"));
  EXPECT_THAT(Fault(minimal + "rules: {pivot: {disabled: 1}}\n"),
              HasSubstr("rules.pivot.disabled: expected true or false, got '1'"));
  EXPECT_THAT(Fault(minimal + "hops: {watched_ports: 22}\n"),
              HasSubstr("hops.watched_ports: expected a list"));
  EXPECT_THAT(Fault(minimal + "host: {name: [a]}\n"), HasSubstr("host.name: expected text"));
  EXPECT_THAT(Fault(minimal + "log_level: loud\n"),
              HasSubstr("log_level: expected one of debug, info, warning, error, got 'loud'"));
  EXPECT_THAT(Fault(minimal + "log_level: LOG_SEVERITY_UNSPECIFIED\n"), HasSubstr("expected one"));
  EXPECT_THAT(Fault("- 1\n"), HasSubstr("agent.yaml:1: expected keys, got a list"));
  EXPECT_THAT(Fault("? [a]\n: 1\n"), HasSubstr("a key must be a plain word"));
}

TEST(Yaml, NumberOutOfRange_IsRefused) {
  const std::string minimal = kMinimal;
  EXPECT_THAT(Fault(minimal + "hops: {watched_ports: [22, 0]}\n"),
              HasSubstr("hops.watched_ports[1]: expected a whole number from 1 to 65535, got '0'"));
  EXPECT_THAT(Fault(minimal + "spool: {max_mib: -1}\n"), HasSubstr("got '-1'"));
  EXPECT_THAT(Fault(minimal + "spool: {max_mib: 99999999999999999999}\n"), HasSubstr("max_mib"));
}

TEST(Yaml, MissingRequiredKey_IsRefused) {
  EXPECT_EQ(Fault(""), "agent.yaml:1: state_directory: required, but absent or empty");
  EXPECT_EQ(Fault("state_directory: x\n"),
            "agent.yaml:1: collector: required, but absent or empty");
  EXPECT_EQ(Fault("state_directory: x\ncollector:\n  address: ''\n"),
            "agent.yaml:3: collector.address: required, but absent or empty");
  EXPECT_THAT(Fault(std::string(kMinimal) + "  tls: {ca_file: a}\n"),
              HasSubstr("collector.tls.certificate_file: required"));
}

TEST(Yaml, InvalidYaml_IsRefused) {
  EXPECT_THAT(Fault("state_directory: x\nhost: {name: \n"), HasSubstr("agent.yaml:"));
  EXPECT_THAT(Fault("a: *nothing\n"), HasSubstr("agent.yaml:1: "));
  EXPECT_THAT(Fault(std::string(500000, '[')), HasSubstr("agent.yaml:"));
  EXPECT_THAT(Fault(std::string(kMinimal) + "---\nhost: {}\n"),
              HasSubstr("agent.yaml:4: a second document"));
  // yaml-cpp sees documents without end in this text.
  EXPECT_THAT(Fault(",f,"), HasSubstr("agent.yaml:1: a second document"));
}

// As editors and templates of every kind write them.
TEST(Yaml, LineEndsAndByteOrderMarks_AreRead) {
  v1::AgentConfig config;
  KeyPlaces places;
  const absl::Status status =
      ParseYaml("\xef\xbb\xbfstate_directory: /s\r\ncollector:\r\n  address: 'unix:/c'\r\n",
                "agent.yaml", &config, &places);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(config.state_directory(), "/s");
  EXPECT_EQ(config.collector().address(), "unix:/c");
  EXPECT_EQ(places.Of("collector.address"), "agent.yaml:3: collector.address");
  EXPECT_EQ(Fault("state_directory: /s\r\ncollector:\r\n  address: x\r\n  port: 1\r\n"),
            "agent.yaml:4: collector.port: unknown key");
}

TEST(Yaml, TabsAsIndentation_AreRefused) {
  EXPECT_THAT(Fault("state_directory: /s\ncollector:\n\taddress: unix:/c\n"),
              HasSubstr("agent.yaml:3: "));
  v1::AgentConfig config;
  ASSERT_TRUE(
      ParseYaml("state_directory:\t/s\ncollector:\n  address: 'unix:/c'\t# c\n", "a", &config)
          .ok());
  EXPECT_EQ(config.state_directory(), "/s");
}

TEST(Yaml, Anchor_StandsForItsValue) {
  v1::CollectorConfig config;
  ASSERT_TRUE(ParseYaml("listen:\n"
                        "- address: a:1\n"
                        "  tls: &tls {ca_file: ca, certificate_file: c, key_file: k}\n"
                        "- address: b:1\n"
                        "  tls: *tls\n"
                        "store: {path: /x}\n",
                        "c", &config)
                  .ok());
  EXPECT_EQ(config.listen(1).tls().key_file(), "k");
  // A merge key is no key of ours.
  EXPECT_THAT(Fault("state_directory: /s\ncollector: &c {address: 'unix:/c'}\nhost:\n  <<: *c\n"),
              HasSubstr("agent.yaml:4: host.<<: unknown key"));
}

TEST(Yaml, NestedAnchors_DoNotMultiply) {
  // Nine levels of nine: read one by one, 387 million entries.
  std::string text = std::string(kMinimal) + "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    text += absl::StrCat("a", i, ": &a", i, " [");
    for (int j = 0; j < 9; ++j) absl::StrAppend(&text, j > 0 ? ", " : "", "*a", i - 1);
    text += "]\n";
  }
  EXPECT_THAT(Fault(text), HasSubstr("agent.yaml:4: a0: unknown key"));
  EXPECT_THAT(Fault(std::string(kMinimal) + "host: &h\n  name: *h\n"), HasSubstr("agent.yaml:"));
}

TEST(Yaml, LargeFileAndLongList_AreBounded) {
  v1::AgentConfig config;
  const std::string path = testing::TempDir() + "/config_huge.yaml";
  std::ofstream(path) << kMinimal << std::string(1'000'000, '#') << "\nspool: {max_mib: 7}\n";
  ASSERT_TRUE(LoadYaml(path, &config).ok());
  EXPECT_EQ(config.spool().max_mib(), 7u);
  std::string ports = "hops:\n  watched_ports:\n";
  for (int i = 0; i < 10'001; ++i) ports += "  - 22\n";
  EXPECT_THAT(Fault(kMinimal + ports), HasSubstr("hops.watched_ports: more than 10000 entries"));
}

TEST(Yaml, Variable_IsRefused) {
  EXPECT_EQ(
      Fault("state_directory: ${STATE}/hoptrail\n" + std::string(kMinimal).substr(35)),
      "agent.yaml:1: state_directory: '${STATE}/hoptrail' has a variable in it, which nothing "
      "here replaces: write the value itself");
  EXPECT_THAT(Fault(std::string(kMinimal) + "host: {name: '${NODE_NAME}'}\n"),
              HasSubstr("agent.yaml:4: host.name: '${NODE_NAME}' has a variable"));
  EXPECT_THAT(Fault(std::string(kMinimal) + "kernel: {watch: {reads: [/a, '/${X}']}}\n"),
              HasSubstr("kernel.watch.reads[1]: "));
}

TEST(Yaml, KeyPlaces_HoldTheLineOfEachKey) {
  v1::CollectorConfig config;
  KeyPlaces places;
  ASSERT_TRUE(ParseYaml("store: {path: /x}\nlisten:\n- address: a:1\n\n- tls:\n"
                        "    {ca_file: ca, certificate_file: c, key_file: k}\n  address: b:1\n",
                        "c.yaml", &config, &places)
                  .ok());
  EXPECT_EQ(places.Of("store.path"), "c.yaml:1: store.path");
  EXPECT_EQ(places.Of("listen[0].address"), "c.yaml:3: listen[0].address");
  EXPECT_EQ(places.Of("listen[1].tls.key_file"), "c.yaml:6: listen[1].tls.key_file");
  EXPECT_EQ(places.Of("listen[1].address"), "c.yaml:7: listen[1].address");
}

TEST(Yaml, MissingOrHugeFile_IsRefused) {
  v1::AgentConfig config;
  const std::string path = testing::TempDir() + "/config_test.yaml";
  EXPECT_EQ(LoadYaml(path + ".absent", &config).code(), absl::StatusCode::kNotFound);
  std::ofstream(path) << kMinimal;
  EXPECT_TRUE(LoadYaml(path, &config).ok());
  std::ofstream(path) << std::string((1 << 20) + 1, '#');
  EXPECT_THAT(std::string(LoadYaml(path, &config).message()), HasSubstr("larger than 1048576"));
  EXPECT_FALSE(LoadYaml(testing::TempDir(), &config).ok());
}

}  // namespace
}  // namespace hoptrail::config
