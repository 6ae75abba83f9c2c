#include "collector/app/options.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/app/collector_fixture.h"
#include <sys/stat.h>

namespace hoptrail::collector::app {
namespace {

using ::testing::HasSubstr;

TEST_F(CollectorTest, AddressInUse_IsNamedInTheError) {
  auto options = Load(Config());
  options->store.path = directory_ + "/other.db";
  auto second = Collector::Start(*options);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("in use"));
  options->config.mutable_listen()->DeleteSubrange(0, 1);
  second = Collector::Start(*options);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("c.sock"));
}

std::string FaultOf(const absl::StatusOr<Options>& options) {
  return options.ok() ? "no fault" : std::string(options.status().message());
}

TEST_F(CollectorTest, ImpossibleListener_IsRefused) {
  const auto listen = [](const std::string& address) {
    return "listen:\n- address: 'unix:/x'\n- address: '" + address +
           "'\n  tls: {ca_file: a, certificate_file: b, key_file: c}\nstore: {path: /x}\n";
  };
  for (const char* address : {"localhost:99999", "localhost:0", "localhost", "https://localhost:1",
                              "::1:7443", "*:7443", ":7443"}) {
    EXPECT_THAT(FaultOf(Load(listen(address))),
                HasSubstr(std::string("c.yaml:3: listen[1].address: '") + address))
        << address;
  }
  EXPECT_THAT(FaultOf(Load("listen: [{address: 'unix:/" + std::string(120, 'a') +
                           "'}]\nstore: {path: /x}\n")),
              HasSubstr("c.yaml:1: listen[0].address: 'unix:/aaa"));
  EXPECT_THAT(FaultOf(Load(listen("unix:/y"))),
              HasSubstr("c.yaml:4: listen[1].tls: tls does not go"));
  EXPECT_THAT(FaultOf(Load("listen: [{address: 'unix:/x'}]\nstore: {path: x.db}\n")),
              HasSubstr("c.yaml:2: store.path: must be an absolute path"));
}

TEST_F(CollectorTest, ListenersWithTheSameAddress_AreRefused) {
  for (const auto& [first, second] :
       std::vector<std::pair<std::string, std::string>>{{"localhost:1", "localhost:1"},
                                                        {"'[::]:1'", "127.0.0.1:1"},
                                                        {"'[::1]:1'", "'[0::1]:1'"}}) {
    const std::string tls = "\n  tls: {ca_file: a, certificate_file: b, key_file: c}\n";
    EXPECT_THAT(FaultOf(Load("listen:\n- address: " + first + tls + "- address: " + second + tls +
                             "store: {path: /x}\n")),
                HasSubstr("c.yaml:4: listen[1].address: "));
  }
  EXPECT_THAT(FaultOf(Load("listen: [{address: 'unix:/x'}, {address: 'unix:///x'}]\n"
                           "store: {path: /x}\n")),
              HasSubstr("'unix:///x' is taken by listen[0], 'unix:/x'"));
}

TEST_F(CollectorTest, FilesOfTheConfiguration_AreChecked) {
  const std::string key = directory_ + "/key";
  { std::ofstream(key) << std::string(32, 'a') << "\n"; }
  std::filesystem::permissions(key, std::filesystem::perms(0644));
  const auto options =
      Load("listen:\n- address: 'localhost:1'\n  tls: {ca_file: " + *certificates_ +
           "/ca.pem, certificate_file: /nowhere.pem, key_file: " + *certificates_ +
           "/server.key}\n- address: unix:/nowhere/c.sock\nstore: {path: /dev/null/c.db}\n"
           "json_output: " +
           directory_ + "\npagerduty: {routing_key_file: " + key + "}\n");
  ASSERT_TRUE(options.ok()) << options.status();
  const config::Findings findings = FindFaults(*options);
  std::vector<std::string> all;
  for (const config::Finding& finding : findings.all()) all.push_back(finding.text);
  EXPECT_THAT(all, ::testing::ElementsAre(
                       HasSubstr("c.yaml:3: listen[0].tls.certificate_file: /nowhere.pem: No such"),
                       HasSubstr("c.yaml:4: listen[1].address: /nowhere: is no directory: make it"),
                       HasSubstr("c.yaml:5: store.path: /dev/null: is no directory"),
                       HasSubstr("c.yaml:7: pagerduty.routing_key_file: "),
                       HasSubstr("c.yaml:6: json_output: ")));
  EXPECT_EQ(CheckFiles(*options).message(), all.front());
}

// Opening a FIFO must not block the start.
TEST_F(CollectorTest, Fifo_IsRefusedAsOutputAndAsKeyFile) {
  const std::string fifo = directory_ + "/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const auto options =
      Load("listen: [{address: 'unix:" + directory_ + "/c.sock'}]\nstore: {path: " + directory_ +
           "/c.db}\njson_output: " + fifo + "\npagerduty: {routing_key_file: " + fifo + "}\n");
  ASSERT_TRUE(options.ok()) << options.status();
  const config::Findings findings = FindFaults(*options);
  std::vector<std::string> all;
  for (const config::Finding& finding : findings.all()) all.push_back(finding.text);
  EXPECT_THAT(all, ::testing::IsSupersetOf({HasSubstr("is not 32 letters and digits"),
                                            HasSubstr(fifo + ": is a FIFO")}));
}

TEST_F(CollectorTest, TranslatedAddresses_AreParsedAndChecked) {
  const auto with = [](const std::string& addresses) {
    return "listen: [{address: 'unix:/x'}]\nstore: {path: /x}\nnetwork:\n  translated_addresses: "
           "[" +
           addresses + "]\n";
  };
  const auto options = Load(with("203.0.113.7, 198.51.100.0/28, '2001:db8:1::/64'"));
  ASSERT_TRUE(options.ok()) << options.status();
  ASSERT_EQ(options->engine.translations.size(), 3u);
  EXPECT_EQ(model::ToString(options->engine.translations[1]), "198.51.100.0/28");
  for (const auto& [text, named] : std::vector<std::pair<std::string, std::string>>{
           {"203.0.113.7, gw",
            "c.yaml:4: network.translated_addresses[1]: not an IP address: 'gw'"},
           {"203.0.113.7/24", "write 203.0.113.0/24"},
           {"0.0.0.0/0", "'0.0.0.0/0' is too wide"},
           {"'::/7'", "'::/7' is too wide"}}) {
    EXPECT_THAT(FaultOf(Load(with(text))), HasSubstr(named)) << text;
  }
  std::string many = "10.0.0.1";
  for (int i = 0; i < 1024; ++i) many += ", 10.0.0.1";
  EXPECT_THAT(FaultOf(Load(with(many))), HasSubstr("more than 1024"));
}

TEST_F(CollectorTest, InvalidConfiguration_IsRefused) {
  for (const auto& [text, named] : std::vector<std::pair<std::string, std::string>>{
           {"listen: [{address: '0.0.0.0:1'}]\nstore: {path: /x}\n", "tls is required"},
           {"listen: [{address: 'unix:/x'}]\n", "store"},
           {"listen: [{address: 'unix:/x'}]\nstore: {path: /x}\nincidents: "
            "{minimum_severity: huge}\n",
            "huge"},
           {"listen: [{address: 'unix:/x'}]\nstore: {path: /x}\njson_output: x.json\n", "absolute"},
           {"listen: [{address: 'unix:/x'}]\nstore: {path: /x}\njson_output: /x\n", "own file"},
           {"listen: [{address: 'unix:/x'}]\nstore: {path: /x}\ncolour: red\n", "colour"}}) {
    auto options = Load(text);
    ASSERT_FALSE(options.ok()) << text;
    EXPECT_THAT(std::string(options.status().message()), HasSubstr(named));
  }
  auto options = Load(
      "listen: [{address: 'unix:/x'}]\nstore: {path: /x}\npagerduty: {endpoint: "
      "'http://example.com/', routing_key_file: /nowhere}\n");
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_THAT(std::string(CheckFiles(*options).message()), HasSubstr("loopback"));
}

}  // namespace
}  // namespace hoptrail::collector::app
