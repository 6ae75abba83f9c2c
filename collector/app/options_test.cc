#include "collector/app/options.h"

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

TEST_F(CollectorTest, PortInUseIsSaidClearly) {
  auto options = Load(Config());
  options->store.path = folder_ + "/other.db";
  auto second = Collector::Start(*options);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("in use"));
  options->config.mutable_listen()->DeleteSubrange(0, 1);
  second = Collector::Start(*options);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("c.sock"));
}

TEST_F(CollectorTest, ConfigurationIsChecked) {
  for (const auto& [text, named] : std::vector<std::pair<std::string, std::string>>{
           {"listen: [{address: '0.0.0.0:1'}]\nstore: {path: /x}\n", "tls is required"},
           {"listen: [{address: 'unix:/x'}]\n", "store"},
           {"listen: [{address: 'unix:/x'}]\nstore: {path: /x}\nincidents: "
            "{minimum_severity: huge}\n",
            "huge"},
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
