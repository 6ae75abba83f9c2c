#include "cli/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hoptrail::cli {
namespace {

using ::testing::HasSubstr;

std::string NoEnvironment(absl::string_view) { return ""; }

absl::StatusOr<Options> Parse(const std::vector<std::string>& arguments) {
  return ParseOptions(arguments, &NoEnvironment);
}

std::string ErrorOf(const std::vector<std::string>& arguments) {
  const auto options = Parse(arguments);
  return options.ok() ? "no error" : std::string(options.status().message());
}

TEST(OptionsTest, KnowsWhereTheCollectorIsByDefault) {
  const auto options = Parse({"hosts"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->connection.address, "unix:/run/hoptrail/collector.sock");
  EXPECT_EQ(options->command, "hosts");
  EXPECT_EQ(options->output, Output::kText);
}

TEST(OptionsTest, TakesFlagsAnywhereAndInBothForms) {
  const auto options =
      Parse({"--collector=c:7443", "--ca", "a", "sessions", "--host", "web", "--certificate=b",
             "--key", "k", "--output=json", "--all", "--limit", "7"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->connection.address, "c:7443");
  EXPECT_EQ(options->connection.key_file, "k");
  EXPECT_EQ(options->host, "web");
  EXPECT_EQ(options->output, Output::kJson);
  EXPECT_EQ(options->limit, 7);
  EXPECT_TRUE(options->all);
}

TEST(OptionsTest, TheEnvironmentIsOverruledByFlags) {
  const auto environment = [](absl::string_view name) {
    return std::string(name == "HOPTRAIL_COLLECTOR" ? "unix:/a" : "");
  };
  EXPECT_EQ(ParseOptions({"hosts"}, environment)->connection.address, "unix:/a");
  EXPECT_EQ(ParseOptions({"hosts", "--collector", "unix:/b"}, environment)->connection.address,
            "unix:/b");
}

TEST(OptionsTest, AcceptsIdsInEveryForm) {
  EXPECT_EQ(Parse({"path", "3FA2"})->name, "3fa2");
  EXPECT_EQ(Parse({"path", "sessions/3fa2c81d"})->name, "sessions/3fa2c81d");
  EXPECT_EQ(Parse({"ack", "incidents/3fa2"})->name, "incidents/3fa2");
  EXPECT_THAT(ErrorOf({"path", "3fa"}), HasSubstr("at least 4"));
  EXPECT_THAT(ErrorOf({"path", "hosts/3fa2"}), HasSubstr("no id"));
  EXPECT_THAT(ErrorOf({"resolve", "sessions/3fa2"}), HasSubstr("not a session"));
}

TEST(OptionsTest, SaysWhatIsWrong) {
  EXPECT_THAT(ErrorOf({}), HasSubstr("command is missing"));
  EXPECT_THAT(ErrorOf({"hop"}), HasSubstr("'hop'"));
  EXPECT_THAT(ErrorOf({"path"}), HasSubstr("needs an id"));
  EXPECT_THAT(ErrorOf({"hosts", "x"}), HasSubstr("too many"));
  EXPECT_THAT(ErrorOf({"hosts", "--watch"}), HasSubstr("no --watch"));
  EXPECT_THAT(ErrorOf({"hosts", "--bogus"}), HasSubstr("--bogus"));
  EXPECT_THAT(ErrorOf({"hosts", "-x"}), HasSubstr("-x"));
  EXPECT_THAT(ErrorOf({"hosts", "--output"}), HasSubstr("needs a value"));
  EXPECT_THAT(ErrorOf({"hosts", "--output", "xml"}), HasSubstr("xml"));
  EXPECT_THAT(ErrorOf({"hosts", "--output", "dot"}), HasSubstr("path"));
  EXPECT_THAT(ErrorOf({"sessions", "--all=1"}), HasSubstr("no value"));
  EXPECT_THAT(ErrorOf({"sessions", "--limit", "-1"}), HasSubstr("number"));
  EXPECT_THAT(ErrorOf({"hosts", "--collector", "c:1"}), HasSubstr("TLS"));
  EXPECT_THAT(ErrorOf({"hosts", "--collector", "c:1", "--ca", "x"}), HasSubstr("--key"));
}

TEST(OptionsTest, HelpAndVersionNeedNothingElse) {
  EXPECT_EQ(Parse({"--version"})->command, "version");
  EXPECT_EQ(Parse({"path", "--help"})->command, "help");
  EXPECT_EQ(Parse({"help"})->command, "help");
}

}  // namespace
}  // namespace hoptrail::cli
